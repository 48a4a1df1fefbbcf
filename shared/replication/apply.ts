/**
 * Brings rows to the copy: one guarded replaceOne for each, in one unordered bulkWrite. The guard lets a row in where the
 * document includes nothing that the row has not seen, and is older, so that it does not matter who comes first or how often.
 * A row that the guard keeps out meets 11000, because the upsert then tries to insert: it is looked at again. (To take every
 * 11000 for "stale" loses rows: two upserts of one new id at the same time meet it as well.)
 */
import { BSON, type Document, type Collection as Documents, MongoBulkWriteError, type UUID } from "mongodb";
import { type Collection, isTwoWay } from "../definition/define.ts";
import { stateOf } from "../mongo/states.ts";
import { MAX_SITE } from "../values/version.ts";
import { copyOf, seenIn } from "./copies.ts";
import { relationOf, type Seen } from "./seen.ts";
import type { SourceRow } from "./source.ts";
import { dirtyAt } from "./unsent.ts";

/**
 * `stale`: the copy has it already, or something newer. `concurrent`: both databases have changed it, and the document is on
 * its way to Postgres, which decides. `refused`: this row, whatever becomes of the others.
 */
export type Outcome = { is: "applied" } | { is: "stale" } | { is: "concurrent" } | { is: "refused"; error: string };

/** Of MongoDB: a document with all its fields. */
const MAX_BYTES = 16 * 1_024 * 1_024;
/** A guard that misses a document which is older after all has met another worker; more often than that it is no accident. */
const MAX_TRIES = 5;
const DUPLICATE_KEY = 11_000;
const SITES = Array.from({ length: MAX_SITE }, (_, n) => n + 1);

interface Item {
  source: SourceRow;
  document: Document;
  at: number;
}

/**
 * What became of each row, in their order. Throws what says that the database is away, full, throttled or busy: then any of
 * them may have been applied, and all may be sent again.
 */
export async function applyRows(
  documents: Documents,
  collection: Collection,
  rows: readonly SourceRow[],
  now: () => number = Date.now,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = rows.map(() => ({ is: "applied" }));
  const takesWrites = isTwoWay(collection);
  let items: Item[] = [];
  rows.forEach((source, at) => {
    const document = copyOf(collection, source);
    // it comes from Postgres, so Postgres has it
    if (takesWrites && !source.row) document._acknowledged_at = new Date(now());
    const bytes = BSON.calculateObjectSize(document);
    // the driver would refuse all that are sent with it
    if (bytes > MAX_BYTES)
      outcomes[at] = { is: "refused", error: `${bytes} bytes as a document, and MongoDB takes ${MAX_BYTES} at most` };
    else items.push({ source, document, at });
  });
  for (let tries = 0; items.length > 0 && tries < MAX_TRIES; tries++) {
    const again: Item[] = [];
    for (const { item, code, message } of await write(documents, items)) {
      if (code === DUPLICATE_KEY) again.push(item);
      else outcomes[item.at] = { is: "refused", error: message };
    }
    const { newer, concurrent } = await lookAgain(documents, again, outcomes);
    // one that was written in a promoted copy is on its way, too
    const decided = concurrent.filter(({ found }) => takesWrites || found._dirty);
    for (const { at } of concurrent.filter((item) => !decided.includes(item)))
      outcomes[at] = { is: "refused", error: "the copy has a change of its own that this row has not seen" };
    items = [...newer, ...(await haveDecided(documents, decided, outcomes, now()))];
  }
  for (const { at } of items) outcomes[at] = { is: "refused", error: "other writers were faster again and again" };
  return outcomes;
}

interface Refusal {
  item: Item;
  code: number;
  message: string;
}

async function write(documents: Documents, items: readonly Item[]): Promise<Refusal[]> {
  const operations = items.map(({ source, document }) => ({
    replaceOne: { filter: guardOf(document._id, source.seen), replacement: document, upsert: true },
  }));
  try {
    await documents.bulkWrite(operations, { ordered: false });
    return [];
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) throw error;
    const refused = [error.writeErrors].flat();
    // what the driver met on the way is an error of this class, too (failures.ts): to read it as "none refused" loses rows
    if (refused.length === 0) throw error;
    return refused.map(({ index, code, errmsg = "" }) => {
      // says something of the database, and not of this row
      const state = stateOf(Number(code), errmsg);
      if (state && state.is !== "invalid") throw error;
      return { item: items[index] as Item, code: Number(code), message: errmsg };
    });
  }
}

/** Where every site's version in the document is one that the row includes, and at least one of them is older. */
function guardOf(id: UUID, seen: Seen): Document {
  const equal = Object.entries(seen).map(([site, version]) => [`_seen.${site}`, version]);
  return {
    _id: id,
    $nor: [...SITES.map((site) => ({ [`_seen.${site}`]: { $gt: seen[site] ?? 0 } })), Object.fromEntries(equal)],
  };
}

/** Of those that the guard has kept out; a document is given with the concurrent ones as it was found. */
async function lookAgain(documents: Documents, items: readonly Item[], outcomes: Outcome[]) {
  const newer: Item[] = [];
  const concurrent: (Item & { found: Document })[] = [];
  if (items.length === 0) return { newer, concurrent };
  const ids = items.map(({ document }) => document._id);
  const projection = { _seen: 1, version: 1, _dirty: 1 };
  const present = await documents.find({ _id: { $in: ids } }, { projection }).toArray();
  const foundOf = new Map(present.map((document) => [String(document._id), document]));
  for (const item of items) {
    const found = foundOf.get(String(item.document._id)) ?? {};
    const relation = relationOf(item.source.seen, seenIn(found));
    if (relation === "newer") newer.push(item);
    else if (relation === "concurrent") concurrent.push({ ...item, found });
    else outcomes[item.at] = { is: "stale" };
  }
  return { newer, concurrent };
}

/**
 * Postgres decides about what both have changed, once it has the document: that it is sent is seen to here, and nothing else
 * is changed. Gives back those whose document has become another one meanwhile.
 */
async function haveDecided(
  documents: Documents,
  items: readonly (Item & { found: Document })[],
  outcomes: Outcome[],
  nowMs: number,
): Promise<Item[]> {
  const again: Item[] = [];
  for (const item of items) {
    const { _id, version, _dirty } = item.found;
    const unsent = { _id, version, _dirty: { $exists: false } };
    const isOnItsWay = _dirty !== undefined || (await documents.updateOne(unsent, dirtyAt(nowMs))).matchedCount === 1;
    if (isOnItsWay) outcomes[item.at] = { is: "concurrent" };
    else again.push(item);
  }
  return again;
}
