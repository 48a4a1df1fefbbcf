/** Warnings and errors in MongoDB: kept behind what wrote them, also through an outage, and read by the operator. */
import { randomUUID } from "node:crypto";
import { type Collection, type Document, MongoClient } from "mongodb";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createLogKeeper, type LogKeeper } from "../../shared/operations/keep-logs.ts";
import { startProxy, type TcpProxy } from "../failure/proxy.ts";
import { mongoUriFor } from "../setup/servers.ts";

let mongo: MongoClient;
let proxy: TcpProxy;
let env: Record<string, string>;
let stored: Collection;
let keeper: LogKeeper;
let log: ReturnType<typeof createLog>;
let printed: string[];
/** milliseconds of the keeper, and of the lines */
let now: number;
let at: number;

beforeAll(async () => {
  mongo = new MongoClient(mongoUriFor("switchyard"));
  proxy = await startProxy(mongoUriFor("switchyard").replace("mongodb:", "http:"));
});
beforeEach(async () => {
  const name = `logs_${randomUUID().slice(0, 8)}`;
  stored = mongo.db(name).collection("app_logs");
  const url = new URL(mongoUriFor(name));
  url.host = `127.0.0.1:${proxy.port}`;
  env = {
    SUPABASE_URL: "http://127.0.0.1:9",
    SUPABASE_SECRET_KEY: "secret",
    MONGODB_URI: url.toString(),
    DATABASE_CONNECT_MS: "1000",
    LOG_TO_MONGODB: "1",
  };
  const config = loadFunctionConfig(env);
  now = 0;
  at = Date.now();
  keeper = createLogKeeper({ config, deadlines: deadlinesOf(config), appName: "test", clock: () => now }) as LogKeeper;
  printed = [];
  log = createLog({ level: "info", write: (line) => printed.push(line), keep: keeper.keep, now: () => at });
});
afterEach(async () => {
  await proxy.set("pass");
  await keeper.close();
  await stored.db?.dropDatabase();
});
afterAll(async () => {
  await proxy?.stop();
  await mongo?.close();
});

async function run(...argv: string[]) {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const code = await runCommand(["logs", ...argv], { env, out: say, err: say });
  return { code, said };
}
const events = async () => (await stored.find().sort({ _id: 1 }).toArray()).map(({ event }) => event);
const dropped = () => keeper.stats().dropped;

test("warnings and errors are there as they were printed, without what is secret, and nothing else is", async () => {
  log.info("ordinary");
  log.warn("odd", { request_id: "r1", url: "mongodb://root:geheim@host", "$dotted.key": { a: [1, null] } });
  log.error("bad", { error: new Error("no") });
  await keeper.settled();
  const found = (await stored.find().sort({ _id: 1 }).toArray()) as Document[];
  expect(found.map(({ level, event, request_id }) => [level, event, request_id])).toEqual([
    ["warn", "odd", "r1"],
    ["error", "bad", null],
  ]);
  expect(found.map(({ line }) => line)).toEqual(printed.slice(1));
  expect(found.map(({ at: when }) => when)).toEqual([new Date(at), new Date(at)]);
  expect(JSON.stringify(found)).not.toMatch("geheim");
  expect(keeper.stats()).toEqual({ queued: 0, written: 2, dropped: 0 });
});

test("they go by themselves after 90 days, and a line of any length is cut", async () => {
  log.error("long", { request_id: "r", stacks: Array.from({ length: 20 }, () => "at that line ".repeat(500)) });
  await keeper.settled();
  const [index] = (await stored.indexes()).filter(({ name }) => name === "at_ttl");
  expect(index).toMatchObject({ key: { at: 1 }, expireAfterSeconds: 90 * 24 * 3_600 });
  const { line } = (await stored.findOne()) as Document;
  expect(line.length).toBeLessThan(10_000);
  expect(JSON.parse(line)).toMatchObject({ event: "long", level: "error", request_id: "r" });
});

test("of two instances at once, both write all of theirs", async () => {
  const config = loadFunctionConfig(env);
  const other = createLogKeeper({ config, deadlines: deadlinesOf(config), appName: "test" }) as LogKeeper;
  const second = createLog({ level: "warn", write: () => {}, keep: other.keep });
  for (let index = 0; index < 150; index++) for (const each of [log, second]) each.warn(`n${index}`);
  await Promise.all([keeper.settled(), other.settled()]);
  await other.close();
  expect(await stored.countDocuments()).toBe(300);
});

describe("while MongoDB is away", () => {
  test.each(["refuse", "hang"] as const)(
    "(%s) nothing waits or fails, the bound holds, and the first are there when it is back",
    async (mode) => {
      await proxy.set(mode);
      log.error("first");
      await keeper.settled();
      const calls = proxy.received();
      for (let index = 0; index < 5_000; index++) log.warn(`n${index}`);
      await keeper.settled();
      expect(printed).toHaveLength(5_001);
      expect(keeper.stats()).toEqual({ queued: 1_000, written: 0, dropped: 4_001 });
      // the breaker: within the pause nobody asks
      expect(proxy.received()).toBe(calls);
      await proxy.set("pass");
      now = 60_000;
      log.warn("last");
      await keeper.settled();
      expect(keeper.stats()).toEqual({ queued: 0, written: 1_000, dropped: 4_002 });
      expect((await events()).slice(0, 3)).toEqual(["first", "n0", "n1"]);
      expect(await stored.countDocuments()).toBe(1_000);
    },
  );

  test("what was written although its answer is lost is there once", async () => {
    log.warn("before");
    await keeper.settled();
    const lost = proxy.loseAnswerTo(/insert/);
    log.warn("lost");
    await Promise.all([lost, keeper.settled()]);
    expect([dropped(), keeper.stats().queued]).toEqual([0, 1]);
    now = 60_000;
    log.warn("after");
    await keeper.settled();
    expect(await events()).toEqual(["before", "lost", "after"]);
    expect(keeper.stats()).toEqual({ queued: 0, written: 3, dropped: 0 });
  });
});

describe("switchyard logs", () => {
  const HOUR = 3_600_000;
  let begun: number;
  beforeEach(async () => {
    begun = at;
    for (const [hours, level, id] of [
      [50, "error", "r1"],
      [3, "warn", "r1"],
      [2, "error", "r2"],
      [1, "warn", undefined],
    ] as const) {
      at = begun - hours * HOUR;
      log[level](`h${hours}`, id && { request_id: id });
    }
    await keeper.settled();
  });
  const shown = async (...argv: string[]) => (await run(...argv)).said.map((line) => line.split(/ +/)[2]);

  test("shows them, the oldest first, by level, time and request", async () => {
    expect((await run()).said[2]).toBe(`${new Date(begun - 2 * HOUR).toISOString()}  error  h2  {"request_id":"r2"}`);
    expect(await shown()).toEqual(["h50", "h3", "h2", "h1"]);
    expect(await shown("--level=error")).toEqual(["h50", "h2"]);
    expect(await shown("--since=150m")).toEqual(["h2", "h1"]);
    expect(await shown("--since=2d")).toEqual(["h3", "h2", "h1"]);
    expect(await shown(`--since=${new Date(begun - 2 * HOUR).toISOString()}`)).toEqual(["h2", "h1"]);
    expect(await shown("--request-id=r1")).toEqual(["h50", "h3"]);
    expect((await run("--request-id=r3")).said).toEqual([
      "Nothing of that kind is kept. (It is with LOG_TO_MONGODB=1.)",
    ]);
    expect(await shown("--limit=1")).toEqual(["h1"]);
    expect(JSON.parse((await run("--request-id=r2", "--json")).said.join("\n"))).toMatchObject([
      { event: "h2", level: "error", request_id: "r2" },
    ]);
  });

  test("says what is wrong", async () => {
    for (const wrong of ["--level=info", "--since=soon", "--limit=0", "--limit=x", "more"])
      expect([wrong, (await run(wrong)).code]).toEqual([wrong, 2]);
    await proxy.set("refuse");
    expect(await run()).toMatchObject({ code: 1, said: [expect.stringMatching(/MongoDB/)] });
    env = { ...env, MONGODB_URI: "", LOG_TO_MONGODB: "" };
    expect(await run()).toEqual({ code: 1, said: ["No MongoDB is configured here: set MONGODB_URI."] });
  });
});
