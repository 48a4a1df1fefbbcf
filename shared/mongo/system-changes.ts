/** Everybody's records of a MongoDB, read and changed by the system. */
import { type Db, type Document, UUID } from "mongodb";
import { ok } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import { type Collection, identityOf } from "../definition/define.ts";
import type { Row, Store } from "../repository/store.ts";
import type { ChangeOutcome, ChangePage, Place, RecordChange, SystemChanges } from "../repository/system-changes.ts";
import { recordProjection, toRecord, uuidText } from "./documents.ts";
import { attempt } from "./failures.ts";
import { fencesIn } from "./fences.ts";
import { keysOf } from "./keys.ts";

export interface MongoSystemChangesOptions {
  db: () => Promise<Db>;
  /** of this database */
  name: string;
  /** of one call, in milliseconds */
  maxTimeMs: number;
  /**
   * That owner's, or that room's, records, as their own requests have them: with the fence, so that whoever moves a user waits for
   * what is written here as for any instance of the API, and with the quota.
   */
  storeOf: (owner: string) => Answer<Store>;
}

/** Writes that are under way at once. */
const AT_ONCE = 8;

export const mongoSystemChanges = (options: MongoSystemChangesOptions): SystemChanges => ({
  async page(collection, after, limit) {
    const page = await attempt(async () => ok(await readPage(options, collection, after, limit)));
    if (page.isErr()) throw page.error;
    return page.value;
  },

  async change(collection, changes) {
    const outcomes: ChangeOutcome[] = [];
    const left = [...changes.entries()];
    let failure: unknown;
    const work = async () => {
      for (let next = left.shift(); next && failure === undefined; next = left.shift()) {
        const [at, change] = next;
        try {
          outcomes[at] = await changeOne(options, collection, change);
        } catch (error) {
          failure = error;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failure !== undefined) throw failure;
    return outcomes;
  },
});

/** `_id` is the owner and the id, in this order, or the id alone: so its own index is the order of the pages. */
async function readPage(
  { db: own, name, maxTimeMs }: MongoSystemChangesOptions,
  collection: Collection,
  after: Place | null,
  limit: number,
): Promise<ChangePage> {
  const db = await own();
  const { key, ownerOf, idOf } = keysOf(collection);
  const behind = after === null ? {} : { _id: { $gt: key(after.owner, after.id) } };
  const found = await db
    .collection(collection.name)
    .find({ ...behind, _deleted_at: null } as Document, {
      ...{ limit, batchSize: limit + 1, sort: { _id: 1 }, maxTimeMS: maxTimeMs },
      projection: recordProjection(collection),
    })
    .toArray();
  const last = found.length < limit ? undefined : found.at(-1);
  const next = last ? { owner: uuidText(ownerOf(last)), id: uuidText(idOf(last)) } : null;
  const records = found.map((document) => toRecord(collection, undefined, document));
  if (collection.placement.kind !== "home") return { records, next };
  const { owner } = identityOf(collection);
  const owners = [...new Set(records.map((record) => String(record[owner])))];
  const away = await fencesIn(db)
    .find(
      { _id: { $in: owners.map((each) => new UUID(each)) }, home: { $ne: name } },
      { projection: { _id: 1 }, maxTimeMS: maxTimeMs },
    )
    .toArray();
  const elsewhere = new Set(away.map(({ _id }) => uuidText(_id)));
  return { records: records.filter((record: Row) => !elsewhere.has(String(record[owner]))), next };
}

async function changeOne(
  { storeOf }: MongoSystemChangesOptions,
  collection: Collection,
  { owner, id, version, fields }: RecordChange,
): Promise<ChangeOutcome> {
  const store = await storeOf(owner);
  if (store.isErr()) return outcomeOf(store.error);
  return (await store.value.update(collection, id, fields, version)).match(
    (): ChangeOutcome => ({ is: "written" }),
    outcomeOf,
  );
}

/** What is about the database, and not about the record, is thrown. */
function outcomeOf(error: RepositoryError): ChangeOutcome {
  const { kind, code, message } = error;
  if (code === "not_found" || code === "version_mismatch") return { is: "missed" };
  if (code === "moved") return { is: "elsewhere" };
  if (code === "busy") return { is: "busy", reason: message };
  if (kind === "unavailable") throw error;
  return { is: "refused", reason: message };
}
