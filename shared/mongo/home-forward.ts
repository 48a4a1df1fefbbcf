/** A late write made where its user is at home now: as `*_home_forward.sql` does it in Postgres. */
import { type Db, type Document, UUID } from "mongodb";
import { ok } from "neverthrow";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { referencesTo } from "../definition/references.ts";
import type { ForwardAnswer, Forwarded } from "../repository/home-copy.ts";
import { isDuplicate } from "./failures.ts";
import { fencesIn } from "./fences.ts";
import { keysOf } from "./keys.ts";
import { ownPace } from "./pace.ts";
import { currencyParent, hasChildren, parentsOf, type ReferenceContext, touchParents } from "./references.ts";
import { type CallOptions, inTransaction } from "./transactions.ts";

export interface ForwardPlace {
  db: Db;
  /** of this database */
  name: string;
  /** what is kept at home */
  collections: readonly Collection[];
  /** of the whole transaction */
  maxTimeMs: number;
}

/** What is refused leaves nothing written: the transaction ends with it. */
class Refused extends Error {
  readonly answer: ForwardAnswer;
  constructor(answer: ForwardAnswer) {
    super(answer);
    this.answer = answer;
  }
}

/** `document`: as it is to be kept. */
export async function forwardDocument(
  { db, name, collections, maxTimeMs }: ForwardPlace,
  { userId, epoch, collection, copied, expected }: Forwarded,
  document: Document,
): Promise<ForwardAnswer> {
  const limits = { db, maxTimeMs, pace: ownPace };
  const context: ReferenceContext = { ...limits, userId, all: new Map(collections.map((one) => [one.name, one])) };
  const records = db.collection(collection.name);
  const [row] = copied.rows;
  const id = String(row?.record.id ?? copied.tombstones[0]?.id);

  const isFit = async (given: CallOptions): Promise<boolean> => {
    if (!row) return !(await hasChildren(context, referencesTo(collection.name, collections), id, given));
    const parents = [...parentsOf(collection, id, row.record), ...currencyParent(collection, id, row.record)];
    return (await touchParents(context, collection, parents, given)).isOk();
  };
  const write = async (given: CallOptions): Answer<ForwardAnswer> => {
    const _id = new UUID(userId);
    const isHere = { _id, home: name, epoch, state: "active" as const };
    const { matchedCount } = await fencesIn(db).updateOne(isHere, { $inc: { touched: 1 } }, given());
    if (matchedCount === 0) {
      const fence = await fencesIn(db).findOne({ _id, home: name, epoch }, given());
      return ok(fence ? "busy" : "elsewhere");
    }
    const key = keysOf(collection).any(userId, id);
    const present = await records.findOne(key, { ...given(), projection: { version: 1 } });
    const version = present ? Number(present.version) : null;
    if (version === Number(document.version)) return ok("done");
    if (version !== expected) return ok("changed");
    if (!(await isFit(given))) throw new Refused("unfit");
    try {
      await records.deleteOne(key, given());
      await records.insertOne(document as never, given());
    } catch (error) {
      if (isDuplicate(error)) throw new Refused("taken");
      throw error;
    }
    return ok("done");
  };
  try {
    const done = await inTransaction(limits, write);
    if (done.isErr()) throw done.error;
    return done.value;
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    throw error;
  }
}
