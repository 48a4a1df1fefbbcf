/**
 * Records into a MongoDB: exactly as they were, or as a new version. A user who has an account here may write meanwhile and may
 * be moved: their records go in a transaction that writes their fence and what they refer to, as their own writes do.
 */
import {
  type AnyBulkWriteOperation,
  type Db,
  type Document,
  Long,
  MongoBulkWriteError,
  MongoServerError,
  UUID,
} from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { invalid, type RepositoryError } from "../contract/errors.ts";
import { type Collection, isTwoWay } from "../definition/define.ts";
import { foldedFields } from "../definition/search.ts";
import { uuidText } from "../mongo/documents.ts";
import { fencesIn } from "../mongo/fences.ts";
import { keysOf } from "../mongo/keys.ts";
import { ownPace } from "../mongo/pace.ts";
import { currencyParent, parentsOf, touchParents } from "../mongo/references.ts";
import { type CallOptions, inTransaction } from "../mongo/transactions.ts";
import { AT_ONCE } from "../mongo/unsent.ts";
import { nextVersion } from "../values/version.ts";
import { BackupFailed } from "./failures.ts";
import { type Line, lineOfDocument, recordOfLine } from "./record-lines.ts";
import {
  type Choices,
  type Here,
  isRenewed,
  type Outcome,
  type RestoreBatch,
  type RestoreTarget,
  verdictOn,
} from "./restore-verdict.ts";

const DUPLICATE_KEY = 11_000;
/** Of one call: a batch, where others write, too. */
const CALL_MS = 30_000;

export interface MongoTargetOptions {
  name: string;
  site: number;
  db: Db;
  /** that are kept there, by name */
  all: ReadonlyMap<string, Collection>;
  close: () => Promise<void>;
  clock?: () => number;
}

export function mongoTarget({ name, site, db, all, close, clock = Date.now }: MongoTargetOptions): RestoreTarget {
  const options = { maxTimeMS: CALL_MS };

  async function put(batch: RestoreBatch): Promise<Outcome[]> {
    const { collection, lines, living, isDry } = batch;
    const own = keysOf(collection);
    const documents = lines.map((line) => documentOf(collection, line));
    const found = await look(db, collection, documents, options);
    const outcomes = lines.map((line, n) => outcomeOf(line, found.get(keyText(documents[n])) ?? null, batch.choices));
    if (isDry) return outcomes;
    const isHome = collection.placement.kind === "home";
    const byUser = new Map<string, number[]>();
    const simple: number[] = [];
    for (const [n, line] of lines.entries()) {
      const { is } = outcomes[n] as Outcome;
      if (is !== "missing" && is !== "replaced" && is !== "renewed") continue;
      const user = uuidText(line[own.owner]);
      if (is !== "renewed" && !(isHome && living.has(user))) simple.push(n);
      else byUser.set(user, [...(byUser.get(user) ?? []), n]);
    }
    await putSimple(collection, simple, lines, documents, found, outcomes);
    for (const [user, numbers] of byUser) await putTheirs(batch, user, numbers, documents, outcomes, isHome);
    return outcomes;
  }

  /** Where nobody else writes these: in one call, and each guarded by the version that was seen. */
  async function putSimple(
    collection: Collection,
    numbers: readonly number[],
    lines: readonly Line[],
    documents: readonly Document[],
    found: ReadonlyMap<string, Here>,
    outcomes: Outcome[],
  ): Promise<void> {
    if (numbers.length === 0) return;
    const operations = numbers.map((n): AnyBulkWriteOperation => {
      const document = documents[n] as Document;
      const here = found.get(keyText(document));
      if (!here) return { insertOne: { document } };
      const filter = { _id: document._id, version: Long.fromNumber(here.version) } as Document;
      return { replaceOne: { filter, replacement: document } };
    });
    try {
      await db.collection(collection.name).bulkWrite(operations, { ordered: false, ...options });
    } catch (error) {
      const refused = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
      if (refused.length === 0) throw error;
      const now = await look(db, collection, documents, options);
      for (const { index, code, errmsg = "" } of refused) {
        const n = numbers[index] as number;
        const is = now.get(keyText(documents[n]));
        if (code === DUPLICATE_KEY && is) outcomes[n] = outcomeOf(lines[n] as Line, is, NOTHING_RENEWED);
        else outcomes[n] = { is: "refused", why: errmsg, mayFitLater: false };
      }
    }
  }

  /** All of theirs at once; where one is refused, each by itself. */
  async function putTheirs(
    batch: RestoreBatch,
    user: string,
    numbers: readonly number[],
    documents: readonly Document[],
    outcomes: Outcome[],
    isHome: boolean,
  ): Promise<void> {
    const done = await transaction(batch, user, numbers, documents, isHome);
    if (done.isOk()) for (const [at, outcome] of done.value.entries()) outcomes[numbers[at] as number] = outcome;
    else if (numbers.length > 1)
      for (const n of numbers) await putTheirs(batch, user, [n], documents, outcomes, isHome);
    else {
      const mayFitLater = done.error.kind === "invalid" && done.error.code === "invalid_reference";
      outcomes[numbers[0] as number] = { is: "refused", why: done.error.message, mayFitLater };
    }
  }

  async function transaction(
    { collection, lines, choices, living }: RestoreBatch,
    user: string,
    numbers: readonly number[],
    documents: readonly Document[],
    isHome: boolean,
  ): Promise<Result<Outcome[], RepositoryError>> {
    const limits = { db, maxTimeMs: CALL_MS, pace: ownPace };
    const context = { ...limits, userId: user, all };
    const records = db.collection(collection.name);
    const theirs = numbers.map((n) => documents[n] as Document);
    const work = async (given: CallOptions): Promise<Result<Outcome[], RepositoryError>> => {
      if (isHome && living.has(user)) {
        const fence = await touchFence(db, name, user, given);
        if (fence === "elsewhere") return ok(numbers.map(() => ({ is: "elsewhere" })));
        if (fence === "moving")
          throw new BackupFailed(
            `User ${user} is being moved to another home: run the same command again in a moment.`,
          );
      }
      const found = await look(db, collection, theirs, given());
      const outcomes: Outcome[] = [];
      for (const n of numbers) {
        const line = lines[n] as Line;
        const document = documents[n] as Document;
        const here = found.get(keyText(document)) ?? null;
        const outcome = outcomeOf(line, here, choices);
        outcomes.push(outcome);
        if (outcome.is === "missing") await records.insertOne(document, given());
        else if (outcome.is === "replaced") await records.replaceOne({ _id: document._id }, document, given());
        else if (outcome.is === "renewed") {
          if (!(await renew(collection, line, document, here as Here, given))) outcome.is = "same";
        } else continue;
        const record = recordOfLine(collection, line);
        if (!isHome || !record) continue;
        const id = String(record.id);
        const parents = [...parentsOf(collection, id, record), ...currencyParent(collection, id, record)];
        const touched = await touchParents(context, collection, parents, given);
        if (touched.isErr()) return err(touched.error);
      }
      return ok(outcomes);
    };
    try {
      return await inTransaction(limits, work);
    } catch (error) {
      if (!(error instanceof MongoServerError) || error.code !== DUPLICATE_KEY) throw error;
      return err(invalid("invalid_input", `${collection.name}: another record has its unique key.`));
    }
  }

  /** The old contents as a write of now; false where the contents are the same. */
  async function renew(collection: Collection, line: Line, document: Document, here: Here, given: CallOptions) {
    const records = db.collection(collection.name);
    const key = { _id: document._id } as Document;
    if (!here.isDeleted) {
      const present = await records.findOne(key, { ...given(), promoteValues: false });
      const contents = (of: Document | null) =>
        JSON.stringify(Object.keys(collection.fields).map((field) => of?.[field] ?? null));
      if (contents(present) === contents(document)) return false;
    }
    const now = clock();
    const version = nextVersion(site, now, here.version);
    const seen = { ...(document._seen ?? {}), ...here.seen, [site]: version };
    const renewed = {
      ...document,
      ...{ version: Long.fromNumber(version), updated_at: new Date(now), create_hash: line.create_hash ?? null },
      ...(document._seen !== undefined && {
        _seen: Object.fromEntries(Object.entries(seen).map(([each, is]) => [each, Long.fromNumber(Number(is))])),
      }),
    };
    await records.replaceOne(key, renewed, given());
    return true;
  }

  return {
    ...{ name, kind: "mongodb", put, close },
    async read(collection, lines) {
      const keys = lines.map((line) => documentOf(collection, line));
      const which = { _id: { $in: keys.map(({ _id }) => _id) } } as Document;
      const exact = { ...options, promoteValues: false, promoteLongs: false };
      const found = await db.collection(collection.name).find(which, exact).toArray();
      const byKey = new Map(found.map((document) => [keyText(document), lineOfDocument(collection, document)]));
      return keys.map((key) => byKey.get(keyText(key)) ?? null);
    },
    count: ({ name: collection }) => db.collection(collection).countDocuments({}, options),
  };
}

const NOTHING_RENEWED: Choices = { overwrite: false, undelete: false };

function outcomeOf(line: Line, here: Here | null, choices: Choices): Outcome {
  const verdict = verdictOn(line, here);
  if (isRenewed(verdict, line, choices)) return { is: "renewed" };
  return { is: verdict === "older" ? "replaced" : verdict };
}

/** As it is to be kept. What both databases write is on its way to the other one from here, as if it were written now. */
function documentOf(collection: Collection, line: Line): Document {
  const { key, owner, kept } = keysOf(collection);
  const { id, [owner]: ownedBy, ...rest } = line;
  const record = collection.search.length > 0 ? recordOfLine(collection, line) : null;
  return {
    _id: key(uuidText(ownedBy), uuidText(id)),
    ...(owner in kept && { [owner]: ownedBy }),
    ...rest,
    ...(record && { _folded: foldedFields(collection, record) }),
    ...(isTwoWay(collection) && { _dirty: { since: new Date(), due: AT_ONCE } }),
  };
}

/** `_id`, as a key of a map. */
const keyText = (document: Document | undefined): string =>
  document?._id instanceof UUID || document?._id?._bsontype === "Binary"
    ? uuidText(document._id)
    : Object.values(document?._id ?? {})
        .map(uuidText)
        .join(" ");

async function look(
  db: Db,
  { name }: Collection,
  documents: readonly Document[],
  options: object,
): Promise<Map<string, Here>> {
  const which = { _id: { $in: documents.map(({ _id }) => _id) } } as Document;
  const projection = { version: 1, _deleted_at: 1, _seen: 1 };
  const found = await db
    .collection(name)
    .find(which, { ...options, projection })
    .toArray();
  return new Map(
    found.map((document): [string, Here] => [
      keyText(document),
      {
        ...{ version: Number(document.version), isDeleted: Boolean(document._deleted_at) },
        seen: Object.fromEntries(Object.entries(document._seen ?? {}).map(([site, each]) => [site, Number(each)])),
      },
    ]),
  );
}

/** Who has no fence has never moved. */
async function touchFence(db: Db, name: string, user: string, given: CallOptions) {
  const _id = new UUID(user);
  const open = { $or: [{ state: "active" as const }, { held_until: { $lt: new Date(), $ne: null } }] };
  const { matchedCount } = await fencesIn(db).updateOne(
    { _id, home: name, ...open },
    { $inc: { touched: 1 } },
    given(),
  );
  if (matchedCount > 0) return "here";
  const fence = await fencesIn(db).findOne({ _id }, given());
  if (!fence) return "here";
  return fence.home === name ? "moving" : "elsewhere";
}
