/** A MongoDB database as one side of a move. Records are written in a transaction that writes the fence, too (fences.ts). */
import { type Db, type Document, Long, UUID } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { invalid, notFound, type RepositoryError } from "../contract/errors.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { foldedFields } from "../definition/search.ts";
import { type Copied, type CopiedRow, type CopiedTombstone, type HomeCopy, ownedKey } from "../repository/home-copy.ts";
import { numbersIn } from "../repository/numbers-in.ts";
import { canonicalDecimal } from "../values/money.ts";
import { bringDocuments } from "./bring.ts";
import { recordProjection, toFields, toRecord, uuidText } from "./documents.ts";
import { attempt } from "./failures.ts";
import { fencesIn, setFence } from "./fences.ts";
import { homeChanges, homeDigests } from "./home-digests.ts";
import { forwardDocument } from "./home-forward.ts";
import { keysOf } from "./keys.ts";
import { ownPace } from "./pace.ts";
import { type CallOptions, inTransaction } from "./transactions.ts";

export interface MongoHomeCopyOptions {
  db: () => Promise<Db>;
  /** of this database */
  name: string;
  /** what is kept at home */
  collections: readonly Collection[];
  /** of one call, in milliseconds; a transaction may take several times as long */
  maxTimeMs: number;
  /** as of `HomeCopy` */
  heardAfterMs: number;
  /** one record, if it has that version, as its user deletes it */
  remove: (userId: string, collection: Collection, id: string, version: number) => Answer<void>;
}

const TRANSACTION_CALLS = 4;
/** Documents that one transaction takes away. */
const BATCH = 500;
/** Users whose records one command takes away. */
const UNBROUGHT_AT_ONCE = 50;

export function mongoHomeCopy({
  db: own,
  name,
  collections,
  maxTimeMs,
  heardAfterMs,
  remove,
}: MongoHomeCopyOptions): HomeCopy {
  const options = { maxTimeMS: maxTimeMs };
  /** Writes the fence of a user who is at home elsewhere, or on the way here. */
  const notAtHome = async (
    db: Db,
    userId: string,
    turn: number,
    given: CallOptions,
  ): Promise<Result<void, RepositoryError>> => {
    const _id = new UUID(userId);
    const elsewhere = {
      turn: Long.fromNumber(turn),
      $or: [{ home: { $ne: name } }, { state: "moving" as const }],
    };
    const { matchedCount } = await fencesIn(db).updateOne({ _id, ...elsewhere }, { $inc: { touched: 1 } }, given());
    if (matchedCount > 0) return ok(undefined);
    const found = await fencesIn(db).findOne({ _id }, given());
    return err(
      found
        ? invalid("invalid_input", `User ${userId} is at home in ${name}, or another worker moves them by now.`)
        : notFound(`No move of user ${userId} leads to ${name}; the user may have been deleted.`),
    );
  };
  const inOne = async <T>(
    userId: string,
    turn: number,
    work: (db: Db, given: CallOptions) => Promise<T>,
  ): Promise<T> => {
    const db = await own();
    const limits = { db, maxTimeMs: maxTimeMs * TRANSACTION_CALLS, pace: ownPace };
    const done = await inTransaction(limits, async (given) => {
      const worked = await work(db, given);
      return (await notAtHome(db, userId, turn, given)).map(() => worked);
    });
    if (done.isErr()) throw done.error;
    return done.value;
  };

  return {
    heardAfterMs,
    setFence: async (userId, fence, waitMs) => setFence(await own(), name, userId, fence, waitMs),

    async manifest(userId, collection, after, limit) {
      const { idPath, everything, idOf } = keysOf(collection);
      const behind = after === null ? {} : { [idPath]: { $gt: new UUID(after) } };
      const found = await (await own())
        .collection(collection.name)
        .find({ ...everything(userId), ...behind }, { ...options, limit, projection: { version: 1, _deleted_at: 1 } })
        .sort({ [idPath]: 1 })
        .toArray();
      return found.map((document) => ({
        id: uuidText(idOf(document)),
        version: Number(document.version),
        isDeleted: Boolean(document._deleted_at),
      }));
    },

    async read(userId, collection, ids) {
      const { key, idOf } = keysOf(collection);
      const projection = { ...recordProjection(collection), create_hash: 1, _deleted_at: 1 };
      const found = await (await own())
        .collection(collection.name)
        .find({ _id: { $in: ids.map((id) => key(userId, id)) } } as Document, { ...options, projection })
        .toArray();
      const copied: { rows: CopiedRow[]; tombstones: CopiedTombstone[] } = { rows: [], tombstones: [] };
      for (const document of found) {
        const createHash = document.create_hash ?? null;
        if (!document._deleted_at) copied.rows.push({ record: toRecord(collection, userId, document), createHash });
        else {
          const [id, version] = [uuidText(idOf(document)), Number(document.version)];
          copied.tombstones.push({ id, version, createHash, deletedAt: document._deleted_at.toISOString() });
        }
      }
      return copied;
    },

    write: (userId, turn, collection, copied, gone) =>
      inOne(userId, turn, async (db, given) => {
        const records = db.collection(collection.name);
        const documents = documentsOf(collection, userId, copied);
        const keys = [...documents.map(({ _id }) => _id), ...gone.map((id) => keysOf(collection).key(userId, id))];
        // replaced and not updated: two that exchange a value of a unique key are in nobody's way
        if (keys.length > 0) await records.deleteMany({ _id: { $in: keys } } as Document, given());
        if (documents.length > 0) await records.insertMany(documents, given());
      }),

    async measure(userId, collection) {
      const numbers = numbersIn(collection);
      const isLiving = { $eq: [{ $ifNull: ["$_deleted_at", null] }, null] };
      const sums = numbers.map((field): [string, Document] => [field, { $sum: { $cond: [isLiving, `$${field}`, 0] } }]);
      const [found] = await (await own())
        .collection(collection.name)
        .aggregate(
          [
            { $match: keysOf(collection).everything(userId) },
            {
              $group: {
                _id: null,
                count: { $sum: { $cond: [isLiving, 1, 0] } },
                deleted: { $sum: { $cond: [isLiving, 0, 1] } },
                ...Object.fromEntries(sums),
              },
            },
          ],
          options,
        )
        .toArray();
      return {
        count: Number(found?.count ?? 0),
        deleted: Number(found?.deleted ?? 0),
        sums: Object.fromEntries(numbers.map((field) => [field, canonicalDecimal(String(found?.[field] ?? 0))])),
      };
    },

    digests: async (userId, asked) => homeDigests(await own(), userId, asked, maxTimeMs),
    changes: async (userId, since, limit) => homeChanges(await own(), userId, since, limit, maxTimeMs),

    async forward(late) {
      const [document] = documentsOf(late.collection, late.userId, late.copied);
      if (!document) throw new Error("nothing is forwarded");
      const place = { db: await own(), name, collections, maxTimeMs: maxTimeMs * TRANSACTION_CALLS };
      return forwardDocument(place, late, document);
    },

    async clear(userId, turn) {
      for (const collection of collections) {
        const everything = keysOf(collection).everything(userId);
        // each batch with a look at the fence: the user may have come back since the last one
        const batch = (db: Db, given: CallOptions): Promise<number> => removeSome(db, collection, everything, given);
        while ((await inOne(userId, turn, batch)) > 0);
      }
    },

    async bring(collection, rows) {
      const documents = rows.map(({ userId, ...row }) => documentOf(collection, userId, row));
      const brought = await attempt(async () => bringDocuments(await own(), documents, collection, options));
      if (brought.isErr()) throw brought.error;
    },

    async readOwned(collection, keys) {
      const { key, idOf } = keysOf(collection);
      const projection = { ...recordProjection(collection), _deleted_at: 1 };
      const found = await attempt(async () =>
        ok(
          await (await own())
            .collection(collection.name)
            .find({ _id: { $in: keys.map(({ userId, id }) => key(userId, id)) } } as Document, {
              ...options,
              projection,
            })
            .toArray(),
        ),
      );
      if (found.isErr()) throw found.error;
      return new Map(
        found.value.map((document) => {
          const userId = uuidText((document._id as unknown as Document).user_id);
          const record = document._deleted_at ? null : toRecord(collection, userId, document);
          return [ownedKey({ userId, id: uuidText(idOf(document)) }), record];
        }),
      );
    },

    async unbring(brought) {
      const taken = await attempt(async () => {
        for (const some of parted(brought, UNBROUGHT_AT_ONCE))
          for (const collection of [...collections].reverse())
            await (await own()).collection(collection.name).bulkWrite(
              some.map(({ userId, version }) => {
                const upTo = { version: { $lte: Long.fromNumber(version) } };
                return { deleteMany: { filter: { ...keysOf(collection).everything(userId), ...upTo } } };
              }),
              { ...options, ordered: false },
            );
        return ok(undefined);
      });
      if (taken.isErr()) throw taken.error;
    },

    async withdraw(userId, collection, version, ids) {
      const gone: string[] = [];
      for (const id of ids) {
        const removed = await remove(userId, collection, id, version);
        if (removed.isOk()) gone.push(id);
        else if (removed.error.kind === "unavailable") throw removed.error;
      }
      return gone;
    },
  };
}

function* parted<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

async function removeSome(db: Db, { name }: Collection, which: Document, given: CallOptions): Promise<number> {
  const found = await db
    .collection(name)
    .find(which, { ...given(), limit: BATCH, projection: { _id: 1 } })
    .toArray();
  if (found.length === 0) return 0;
  const keys = found.map(({ _id }) => _id);
  return (await db.collection(name).deleteMany({ _id: { $in: keys } }, given())).deletedCount;
}

/** As it is to be kept, but for the touches of a parent, which mean nothing elsewhere. */
function documentOf(collection: Collection, userId: string, { record, createHash }: CopiedRow): Document {
  const { key, kept } = keysOf(collection);
  if (Object.keys(kept).length > 0) throw new Error(`${collection.name} is not kept at home`);
  return {
    _id: key(userId, String(record.id)),
    ...toFields(collection, record),
    created_at: new Date(String(record.created_at)),
    updated_at: new Date(String(record.updated_at)),
    version: Long.fromNumber(Number(record.version)),
    create_hash: createHash,
    ...(collection.search.length > 0 && { _folded: foldedFields(collection, record) }),
  };
}

function documentsOf(collection: Collection, userId: string, { rows, tombstones }: Copied): Document[] {
  const { key } = keysOf(collection);
  return [
    ...rows.map((row) => documentOf(collection, userId, row)),
    ...tombstones.map(({ id, version, createHash, deletedAt }) => ({
      _id: key(userId, id),
      version: Long.fromNumber(version),
      _deleted_at: new Date(deletedAt),
      create_hash: createHash,
    })),
  ];
}
