/** TTL indexes: the same expectations for the stand-in and for a real server. Either looks about once a minute. */
import { expect, it } from "vitest";
import { refusal, things, useDatabase } from "./parity.ts";

useDatabase();

it("lets documents go when their time is over, and no others", async () => {
  await things.createIndex({ at: 1 }, { name: "at_ttl", expireAfterSeconds: 3_600 });
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  await things.insertMany([{ n: 1, at: ago(2) }, { n: 2, at: ago(0.5) }, { n: 3 }, { n: 4, at: "1970" }]);
  const left = async () => (await things.find().sort({ n: 1 }).toArray()).map(({ n }) => n);
  await expect.poll(left, { timeout: 300_000, interval: 500 }).toEqual([2, 3, 4]);
});

it.each([
  ["of several fields", { a: 1, b: 1 }, 60],
  ["of a time below zero", { a: 1 }, -1],
  ["of no number", { a: 1 }, "60"],
] as const)("refuses one %s", async (_, key, expireAfterSeconds) => {
  expect(await refusal(things.createIndex({ ...key }, { expireAfterSeconds: expireAfterSeconds as number }))).toEqual({
    code: 67,
    codeName: "CannotCreateIndex",
  });
});

it("refuses another time for one that is there, until it is dropped", async () => {
  await things.createIndex({ at: 1 }, { expireAfterSeconds: 60 });
  expect(await refusal(things.createIndex({ at: 1 }, { expireAfterSeconds: 61 }))).toEqual({
    code: 85,
    codeName: "IndexOptionsConflict",
  });
  await things.dropIndex("at_1");
  await things.createIndex({ at: 1 }, { expireAfterSeconds: 61 });
  expect((await things.indexes()).at(-1)).toMatchObject({ name: "at_1", expireAfterSeconds: 61 });
});
