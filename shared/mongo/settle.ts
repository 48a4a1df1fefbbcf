/**
 * Settles references whose writers have gone: the marker of a write that held is cleared, a write that does not hold is
 * taken back. Run with the purge loop; safe to run at any time and by several at once, because every step is guarded by
 * the marker's token.
 */
import type { Db, Document } from "mongodb";
import type { Collection } from "../collections/define.ts";
import { referencesFrom } from "../collections/references.ts";
import { type HomeId, uuidText } from "./documents.ts";
import {
  childOf,
  clearMarker,
  type ParentState,
  parentStates,
  type ReferenceContext,
  storedTargets,
} from "./references.ts";
import { repairReferences, undoUpdate } from "./undo.ts";

/** Longer than any request: its writer is done, or dead. */
const SETTLE_AFTER_MS = 15_000;
const BATCH_SIZE = 500;
/** Writers that are gone do not come out of a circle any more. */
const GONE: readonly ParentState[] = ["missing", "circle"];
const MAX_TIME_MS = 5_000;

export interface Settled {
  cleared: number;
  undone: number;
}

/** Up to `BATCH_SIZE` documents of each collection, oldest first; parents before their children, as collections are listed. */
export async function settleReferences(
  db: Db,
  collections: readonly Collection[],
  now: () => number = Date.now,
): Promise<Settled> {
  const settled: Settled = { cleared: 0, undone: 0 };
  for (const collection of collections.filter((one) => referencesFrom(one).length > 0)) {
    const due = { "_refs_pending.at": { $lt: new Date(now() - SETTLE_AFTER_MS) } };
    const children = db.collection(collection.name);
    const pending = await children
      .find(due, { sort: { "_refs_pending.at": 1 }, limit: BATCH_SIZE, maxTimeMS: MAX_TIME_MS })
      .toArray();
    for (const child of pending) {
      const userId = uuidText((child._id as unknown as HomeId).user_id);
      const outcome = await settle({ db, userId, now, maxTimeMs: MAX_TIME_MS, all: collections }, collection, child);
      if (outcome) settled[outcome]++;
    }
  }
  return settled;
}

/** Undefined where a parent is just being deleted or created, or somebody writes: a later round knows more. */
async function settle(
  context: ReferenceContext,
  collection: Collection,
  child: Document,
): Promise<keyof Settled | undefined> {
  const targets = storedTargets(collection, child);
  const states = await parentStates(context, childOf(collection.name, child), targets);
  if (states.every((state) => state === "there")) {
    return (await clearMarker(context, collection.name, child)) ? "cleared" : undefined;
  }
  const gone = targets
    .filter((_, index) => states[index] === "missing" || states[index] === "circle")
    .map(({ field }) => field);
  if (gone.length === 0) return undefined;
  const { token, before } = child._refs_pending;
  // its last update may have held: what does not may be older, and left by a writer that died
  if (before && gone.some((field) => Object.hasOwn(before, field))) await undoUpdate(context, collection, child, GONE);
  else if (!(await repairReferences(context, collection, child._id, { tokens: [token], gone: GONE }))) return undefined;
  return "undone";
}
