/** A database of its own for each file that compares the stand-in with a real server, and a collection for each test. */
import { randomUUID } from "node:crypto";
import { BSON, type Collection, Decimal128, type Document, MongoClient, MongoServerError, UUID } from "mongodb";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { mongoUriFor } from "../setup/servers.ts";

export const ADA = new UUID("00000000-0000-4000-8000-000000000001");
export const BOB = new UUID("00000000-0000-4000-8000-000000000002");
export const BIG = "9007199254740993";
const database = `parity_${randomUUID().slice(0, 8)}`;

export let client: MongoClient;
export let things: Collection<Document>;

/** Connects for the tests of the file that calls it. */
export function useDatabase(): void {
  beforeAll(async () => {
    client = await MongoClient.connect(mongoUriFor(database));
  });
  beforeEach(async () => {
    things = client.db().collection(`things_${randomUUID().slice(0, 8)}`);
  });
  afterAll(async () => {
    await client.db().dropDatabase();
    await client.close();
  });
}

export const money = (text: string) => Decimal128.fromString(text);
/** Relaxed enough to read, exact enough to tell the numeric types apart. */
export const shown = (value: unknown) => JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
export const int = (value: number) => ({ $numberInt: String(value) });
export const exact = { promoteValues: false, promoteLongs: false } as const;

export async function refusal(work: Promise<unknown>): Promise<{ code: unknown; codeName?: unknown }> {
  const error = await work.then(
    () => new Error("It was not refused"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MongoServerError)) throw error;
  return error.codeName === undefined ? { code: error.code } : { code: error.code, codeName: error.codeName };
}

export const ids = async (filter: Document, sort: Document = { _id: 1 }) =>
  (await things.find(filter).sort(sort).toArray()).map(({ _id }) => _id);

export const aggregated = async (...pipeline: Document[]) => shown(await things.aggregate(pipeline, exact).toArray());

/** One expression, calculated on one document. */
export async function calculated(expression: unknown, doc: Document = {}): Promise<unknown> {
  await things.deleteMany({});
  await things.insertOne({ ...doc, _id: 1 } as Document);
  const [result] = await aggregated({ $project: { _id: 0, value: expression } });
  return result.value;
}
