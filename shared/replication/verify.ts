/**
 * Whether the copy is exact: both sides as streams sorted by id, merged in constant memory. What differs is looked at again
 * until nothing of it is under way any more: rows that are being written while they are compared differ, and are no fault.
 */
import { isDeepStrictEqual } from "node:util";
import { type Db, type Document, UUID } from "mongodb";
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { type Collection, identityOf } from "../definition/define.ts";
import { toRecord as fromDocument, recordProjection, uuidText } from "../mongo/documents.ts";
import { attempt } from "../mongo/failures.ts";
import { toRecord as fromRow } from "../postgres/rows.ts";
import { seenIn } from "./copies.ts";
import { databaseOf, type MongoSide } from "./mongo-side.ts";
import { relationOf, type Seen } from "./seen.ts";
import type { ReplicationSource, SourceRow } from "./source.ts";

/** `extra`: only in the copy, and nothing says that it was deleted. `other`: the same versions, and other contents. */
type Fault = "missing" | "extra" | "older" | "newer" | "concurrent" | "other";
export interface Difference {
  collection: string;
  id: string;
  is: Fault;
}

export interface Verified {
  /** rows that were compared */
  rows: number;
  /** at most `most` of them */
  differences: Difference[];
  /** there may be more: comparing ended at `most` */
  isCut: boolean;
}

export interface VerifyOptions {
  source: ReplicationSource;
  mongo: MongoSide;
  collection: Collection;
  /** contents, too, and not only versions */
  deep?: boolean;
  /** comparing ends when so many differ */
  most?: number;
  /** how long rows that are under way are waited for, in milliseconds */
  patienceMs?: number;
  clock?: () => number;
  wait?: (ms: number) => Promise<void>;
  onProgress?: (rows: number) => void;
}

interface Side {
  id: string;
  seen: Seen;
  record: unknown;
}

const PAGE = 5_000;
const LOOK_AGAIN_MS = 500;

/** Errors: those of the source, and of the copy as the contract says them. */
export async function verifyCollection(options: VerifyOptions): Promise<Result<Verified, RepositoryError>> {
  const { most = 10_000, onProgress = () => {} } = options;
  const found: Difference[] = [];
  let rows = 0;
  const compared = await attempt(async () => {
    const [here, there] = [sourceRows(options), copiedRows(options)];
    try {
      let [mine, theirs] = [await here.next(), await there.next()];
      while (!(mine.done && theirs.done) && found.length < most) {
        const order = mine.done ? 1 : theirs.done ? -1 : compare(mine.value.id, theirs.value.id);
        const difference = differenceOf(order <= 0 ? mine.value : undefined, order >= 0 ? theirs.value : undefined);
        const id = (order <= 0 ? mine.value : theirs.value)?.id as string;
        if (difference) found.push({ collection: options.collection.name, id, is: difference });
        if (++rows % PAGE === 0) onProgress(rows);
        if (order <= 0) mine = await here.next();
        if (order >= 0) theirs = await there.next();
      }
    } finally {
      await Promise.all([here.return(undefined), there.return(undefined)]);
    }
    return ok(undefined);
  });
  if (compared.isErr()) return compared.map(() => ({ rows, differences: [], isCut: false }));
  onProgress(rows);
  const isCut = found.length >= most;
  return (await lookAgain(options, found)).map((differences) => ({ rows, differences, isCut }));
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function differenceOf(here: Side | undefined, there: Side | undefined): Fault | undefined {
  if (!there) return here && "missing";
  if (!here) return "extra";
  const relation = relationOf(there.seen, here.seen);
  if (relation !== "equal") return relation;
  return isDeepStrictEqual(here.record, there.record) ? undefined : "other";
}

async function* sourceRows({ source, collection, deep = false }: VerifyOptions): AsyncGenerator<Side, undefined> {
  for (let after: string | null = null; ; ) {
    const page: Result<
      Awaited<ReturnType<ReplicationSource["scan"]>> extends Result<infer T, unknown> ? T : never,
      RepositoryError
    > = await source.scan(collection, after, PAGE, deep);
    if (page.isErr()) throw page.error;
    for (const { id, seen, row } of page.value) yield { id, seen, record: row && fromRow(collection, row) };
    after = page.value.at(-1)?.id ?? null;
    if (page.value.length < PAGE) return undefined;
  }
}

async function* copiedRows({ mongo, collection, deep = false }: VerifyOptions): AsyncGenerator<Side, undefined> {
  const projection = deep
    ? { ...recordProjection(collection), [identityOf(collection).owner]: 1, _seen: 1 }
    : { _seen: 1 };
  const cursor = databaseOf(mongo, collection)
    .collection(collection.name)
    .find({ _deleted_at: null }, { projection, sort: { _id: 1 }, batchSize: PAGE });
  for await (const document of cursor) yield toSide(collection, document, deep);
  return undefined;
}

function toSide(collection: Collection, document: Document, deep: boolean): Side {
  const { owner } = identityOf(collection);
  const record = deep ? fromDocument(collection, uuidText(document[owner]), document) : undefined;
  return { id: uuidText(document._id), seen: seenIn(document), record };
}

/** Which of them still differ, once nothing of them is on its way. */
async function lookAgain(options: VerifyOptions, found: Difference[]): Promise<Result<Difference[], RepositoryError>> {
  const { source, mongo, collection, deep = false, patienceMs = 30_000 } = options;
  const { clock = () => performance.now(), wait = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;
  const until = clock() + patienceMs;
  const left: Difference[] = [];
  for (let begin = 0; begin < found.length; begin += 500) {
    let ids = found.slice(begin, begin + 500).map(({ id }) => id);
    while (ids.length > 0) {
      const read = await source.read(collection, ids);
      if (read.isErr()) return read.map(() => []);
      const copies = await attempt(async () =>
        ok(await readCopies(databaseOf(mongo, collection), collection, ids, deep)),
      );
      if (copies.isErr()) return copies.map(() => []);
      const rows = new Map(read.value.rows.map((row) => [row.id, row]));
      const pending = new Set(read.value.pending);
      const again: string[] = [];
      for (const id of ids) {
        const is = stillDiffers(collection, rows.get(id), copies.value.get(id), deep);
        const isUnsent = copies.value.get(id)?.isUnsent ?? false;
        if (is && (pending.has(id) || isUnsent) && clock() < until) again.push(id);
        else if (is) left.push({ collection: collection.name, id, is });
      }
      if (again.length > 0) await wait(LOOK_AGAIN_MS);
      ids = again;
    }
  }
  return ok(left);
}

async function readCopies(db: Db, collection: Collection, ids: readonly string[], deep: boolean) {
  const found = await db
    .collection(collection.name)
    .find({ _id: { $in: ids.map((id) => new UUID(id)) } } as Document)
    .toArray();
  return new Map(
    found.map((document) => [
      uuidText(document._id),
      {
        ...toSide(collection, document, deep && !document._deleted_at),
        isBuried: Boolean(document._deleted_at),
        isUnsent: document._dirty !== undefined && document._dirty.dead !== true,
      },
    ]),
  );
}

/** A row, a tombstone, or nothing, on each side. */
function stillDiffers(
  collection: Collection,
  here: SourceRow | undefined,
  there: (Side & { isBuried: boolean }) | undefined,
  deep: boolean,
): Fault | undefined {
  const isBuried = there?.isBuried ?? false;
  if (here?.row) {
    const record = deep ? fromRow(collection, here.row) : undefined;
    if (!there) return "missing";
    const difference = differenceOf({ id: here.id, seen: here.seen, record }, { ...there, record: there.record });
    return difference ?? (isBuried ? "other" : undefined);
  }
  if (!there || isBuried) return undefined;
  // a tombstone here, and the row lives on there
  return here ? "older" : "extra";
}
