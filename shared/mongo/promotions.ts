/**
 * Which collections are written in the copy while their primary is away. It stands beside the copies themselves, in the document
 * `promotions` of the collection `switchyard`: whoever can write there can read it.
 */
import type { Db, Document } from "mongodb";
import { Long } from "mongodb";

/** `draining`: it goes home, and is not written meanwhile. */
export type PromotionState = "promoted" | "draining" | "home";

export interface Promotion {
  state: PromotionState;
  /** one more with each change */
  epoch: number;
  since: Date;
}
export type Promotions = ReadonlyMap<string, Promotion>;

const ID = { _id: "promotions" as never };

const read = (document: Document | null): Promotions =>
  new Map(
    Object.entries<Document>(document?.collections ?? {}).map(([name, { state, epoch, since }]) => [
      name,
      { state, epoch: Number(epoch), since },
    ]),
  );

/** Throws the driver's error. */
export const readPromotions = async (db: Db, maxTimeMs?: number): Promise<Promotions> =>
  read(await db.collection("switchyard").findOne(ID, maxTimeMs === undefined ? {} : { maxTimeMS: maxTimeMs }));

/** What it is by then: another state where somebody has changed it since that epoch. Throws the driver's error. */
export async function writePromotion(
  db: Db,
  collection: string,
  state: PromotionState,
  { since, before, epoch }: { since: Date; before: number; epoch: number },
): Promise<Promotion> {
  const path = `collections.${collection}`;
  const documents = db.collection("switchyard");
  await documents.updateOne(ID, { $setOnInsert: { collections: {} } }, { upsert: true });
  const unchanged = before === 0 ? { [path]: { $exists: false } } : { [`${path}.epoch`]: Long.fromNumber(before) };
  await documents.updateOne(
    { ...ID, ...unchanged },
    { $set: { [path]: { state, epoch: Long.fromNumber(epoch), since } } },
  );
  return (await readPromotions(db)).get(collection) as Promotion;
}
