/** Creates and updates that keep to the user's quota (usage.ts); without a gate there is none. */
import { err } from "neverthrow";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import type { Usage } from "../repository/quotas.ts";
import type { Row } from "../repository/store.ts";
import { toFields } from "./documents.ts";
import { keysOf } from "./keys.ts";
import { newDocument, sizeOf, type UsageGate } from "./usage.ts";
import type { WriteContext } from "./writes.ts";

export interface QuotaContext extends WriteContext {
  usage?: UsageGate | undefined;
}

interface Written {
  collection: Collection;
  id: string;
  values: Row;
}

/** What makes a record. One that an earlier try has made is none, and is answered as it is. */
export async function createWithinQuota(
  context: QuotaContext,
  { collection, id, values }: Written,
  isRepeatable: boolean,
  create: () => Answer<Row>,
): Answer<Row> {
  const { usage, db, userId, maxTimeMs } = context;
  if (!usage) return create();
  const more = newDocument(toFields(collection, values));
  const refused = await usage.refusal(db, userId, more);
  if (!refused) return kept(context, more, create);
  const known = { projection: { _deleted_at: 1, create_hash: 1 }, maxTimeMS: maxTimeMs };
  const there = await db.collection(collection.name).findOne(keysOf(collection).any(userId, id), known);
  // refused with its own words: it is there, or was made with this key and is deleted
  const isMade = there && (!there._deleted_at || (isRepeatable && typeof there.create_hash === "string"));
  return isMade ? create() : err(refused);
}

/** What changes one: only bytes can become more. How many is worth a look where few are left. */
export async function updateWithinQuota(
  context: QuotaContext,
  { collection, id, values }: Written,
  update: () => Answer<Row>,
): Answer<Row> {
  const { usage, db, userId, maxTimeMs } = context;
  if (!usage) return update();
  const fields = toFields(collection, values);
  let bytes = sizeOf(fields);
  if (usage.isNear(userId)) {
    const projection = Object.fromEntries([["_id", 0], ...Object.keys(fields).map((name) => [name, 1])]);
    const before = await db
      .collection(collection.name)
      .findOne(keysOf(collection).one(userId, id), { projection, maxTimeMS: maxTimeMs });
    if (before) bytes = Math.max(0, bytes - sizeOf(before));
  }
  const more = { records: 0, bytes };
  const refused = bytes > 0 ? await usage.refusal(db, userId, more) : undefined;
  return refused ? err(refused) : kept(context, more, update);
}

async function kept({ usage, userId }: QuotaContext, more: Usage, write: () => Answer<Row>): Answer<Row> {
  let isDone = false;
  try {
    const written = await write();
    isDone = written.isOk();
    return written;
  } finally {
    // one whose answer is lost may have been done: the next count knows
    if (!isDone) usage?.giveBack(userId, more);
  }
}
