/** Transactions that others are in the way of, and those whose process is gone. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type StandIn, startStandIn } from "../../scripts/dev/mongo-stand-in/index.ts";
import { collections, homeCollections } from "../../shared/collections/index.ts";
import type { Pace } from "../../shared/mongo/pace.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { outcome, value } from "../contract/store.ts";
import { homeId, MONGODB, mongoRepositories } from "../setup/repositories.ts";

const { categories, expenses } = collections;
const LIFETIME_SECONDS = 3_600;
/** Of the time that passes only while somebody waits. */
const LIMIT_MS = 2_000;
const userId = crypto.randomUUID() as string;
const spent = (category_id: string) => ({ amount: "1", currency: "EUR", date: "2026-01-01", category_id });

let standIn: StandIn;
let client: MongoClient;
beforeAll(async () => {
  standIn = await startStandIn({ port: 0, file: ":memory:", transactionLifetimeLimitSeconds: LIFETIME_SECONDS });
  client = new MongoClient(standIn.uri);
  await prepareMongo(client.db("app"), homeCollections, MONGODB);
});
afterAll(async () => {
  await client.close();
  await standIn.stop();
});
const as = (pace?: Pace) =>
  mongoRepositories({ db: client.db("app"), userId, ...(pace && { pace, maxTimeMs: LIMIT_MS }) }).repository;
const newCategory = async () => value(await as()(categories).create({ name: "c", kind: "expense" })).id;

/** Time that passes only while somebody waits. */
function paceOf(random: number, onWait: (ms: number) => unknown = () => {}) {
  const waits: number[] = [];
  let now = 0;
  const pace: Pace = {
    clock: () => now,
    random: () => random,
    async wait(ms) {
      now += ms;
      waits.push(ms);
      await onWait(ms);
    },
  };
  return { pace, waits };
}

/** Holds the record in a transaction of its own. */
async function hold(id: string) {
  const session = client.startSession();
  session.startTransaction();
  const held = { _id: homeId(userId, id) as never };
  await client
    .db("app")
    .collection("categories")
    .updateOne(held, { $inc: { _touched: 1 } }, { session });
  return session;
}

test("tried again at growing intervals until the time is over, and then told so", async () => {
  const id = await newCategory();
  const session = await hold(id);
  const { pace, waits } = paceOf(0.5);
  const results = [await as(pace)(expenses).create(spent(id)), await as(pace)(categories).delete(id)];
  await session.abortTransaction();
  for (const result of results) expect(result._unsafeUnwrapErr().message).toMatch(/is being changed/);
  expect(waits.slice(0, 6)).toEqual([2.5, 5, 10, 20, 40, 50]);
  expect(Math.max(...waits)).toBe(50);
  expect(value(await as()(expenses).count({ filters: [] }))).toBe(0);
  await session.endSession();
});

test("done once the other has let go, and no session is left", async () => {
  const id = await newCategory();
  const session = await hold(id);
  const { pace, waits } = paceOf(0.9, () => session.abortTransaction().catch(() => undefined));
  value(await as(pace)(expenses).create(spent(id)));
  expect(waits).toHaveLength(1);
  expect(outcome(await as()(categories).delete(id))).toBe("referenced");
  await session.endSession();
  // what the driver itself counts
  expect((client as unknown as { s: { activeSessions: Set<unknown> } }).s.activeSessions.size).toBe(0);
});

const MODULES = ["shared/mongo/client", "test/setup/repositories", "shared/collections/index"].map(
  (name) => new URL(`../../${name}.ts`, import.meta.url).href,
);

/** An instance in a process of its own, killed when it is about to send that command. */
async function dieBefore(command: string, category: string) {
  const script = `
    const [{ createMongoClient }, { mongoRepositories }, { collections }] =
      await Promise.all(${JSON.stringify(MODULES)}.map((module) => import(module)));
    const client = createMongoClient(${JSON.stringify(`${standIn.uri}/?monitorCommands=true`)}, { appName: "killed" });
    client.on("commandStarted", ({ commandName }) => commandName === ${JSON.stringify(command)} && process.kill(process.pid, "SIGKILL"));
    const { repository } = mongoRepositories({ db: client.db("app"), userId: ${JSON.stringify(userId)} });
    await repository(collections.expenses).create(${JSON.stringify(spent(category))});`;
  const child = spawn("node_modules/.bin/node", ["--input-type=module-typescript", "-e", script], { stdio: "inherit" });
  const [, signal] = await once(child, "exit");
  expect(signal).toBe("SIGKILL");
}

test("a process that is killed before it touches the parent holds nobody up", async () => {
  const id = await newCategory();
  await dieBefore("update", id);
  value(await as()(categories).delete(id));
});

test("a process that is killed before its commit: nothing of it is seen, and its parent is free when the server lets go", async () => {
  const id = await newCategory();
  const before = value(await as()(expenses).count({ filters: [] }));
  await dieBefore("commitTransaction", id);
  const { pace } = paceOf(0.5);
  expect((await as(pace)(categories).delete(id))._unsafeUnwrapErr().message).toMatch(/is being changed/);
  expect(value(await as()(expenses).count({ filters: [] }))).toBe(before);
  // a plain write waits until then
  const waiting = as()(categories).update(id, { name: "free" });
  standIn.reap(Date.now() + (LIFETIME_SECONDS + 1) * 1_000);
  value(await waiting);
  value(await as()(categories).delete(id));
});
