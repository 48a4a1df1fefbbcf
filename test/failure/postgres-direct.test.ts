/** Postgres by its own protocol, behind a network that fails: what each failure is called, and that nothing stays broken. */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { collections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { claimsOf } from "../../shared/postgres/direct/claims.ts";
import { createPostgresConnection, type PostgresConnection } from "../../shared/postgres/direct/connection.ts";
import { sql } from "../../shared/postgres/direct/sql.ts";
import { value } from "../contract/store.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import { directRepositories } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { startOwn } from "../setup/start-supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";
import { atSomeScale, TooSlow } from "./scale.ts";

const POOL = 2;
const spent = { amount: "1.50", currency: "EUR", date: "2026-03-14" };

let supabase: RunningSupabase;
let ann: TestUser;
let proxy: TcpProxy;
let connection: PostgresConnection;
let pools: pg.Pool[];
beforeAll(async () => {
  supabase = await startOwn({ passwordCost: 4 });
  ann = await newUser({ home: "supabase", on: supabase });
});
afterAll(() => supabase?.stop());
beforeEach(async () => {
  proxy = await startProxy(servers().dbUrl);
});
afterEach(async () => {
  // first, so that nothing waits for what is held
  await proxy?.stop();
  await connection?.close();
});

/** Anew; gives up the wait for a connection after the first, and for an answer a little later than the second. */
async function connect(connectMs = HANGS_MS, requestMs = HANGS_MS): Promise<void> {
  await connection?.close();
  pools = [];
  const url = Object.assign(new URL(servers().dbUrl), { host: `127.0.0.1:${proxy.port}` });
  connection = createPostgresConnection(url.href, {
    appName: `failure-${randomUUID()}`,
    maxPoolSize: POOL,
    deadlines: deadlinesOf({ DATABASE_CONNECT_MS: connectMs, REQUEST_DEADLINE_MS: requestMs }),
    onPool: (pool) => pools.push(pool),
  });
}
const expenses = (signal?: AbortSignal) =>
  directRepositories({ connection, claims: claimsOf(ann.id, "supabase", 1), signal }).repository(collections.expenses);

/** What a call ends with: its code, and whether nothing was heard. */
async function ask(signal?: AbortSignal): Promise<string> {
  const answer = await expenses(signal).get(randomUUID());
  return answer.match(
    () => "found",
    ({ code, isUnheard }) => (isUnheard ? `${code}, unheard` : code),
  );
}
const askAll = () => Promise.all(Array.from({ length: POOL }, () => ask()));
/** After a few tries: a connection that was cut is noticed by the call that meets it. */
const serve = () => vi.waitFor(async () => expect(new Set(await askAll())).toEqual(new Set(["not_found"])), PATIENT);

describe("a server that goes while nobody asks, and comes back", () => {
  test.each([
    ["refuse", /^unavailable$/],
    ["cut", /^unavailable/],
  ] as const)("%s", async (mode, told) => {
    await connect();
    await serve();
    await proxy.set(mode);
    for (const code of await askAll()) expect(code).toMatch(told);
    await expect(connection.ask("select 1")).rejects.toThrow();
    await proxy.set("pass");
    await serve();
    expect(await connection.ask("select 1 as one")).toEqual([{ one: 1 }]);
    // one pool for as long as the instance lives
    expect(pools).toHaveLength(1);
  });
});

test("a network that swallows everything: nothing is heard in time, and the connections are replaced", () =>
  atSomeScale(async (ms) => {
    await proxy.set("pass");
    await connect(ms, ms);
    if ((await askAll()).some((code) => code !== "not_found")) throw new TooSlow("no connection in time");
    await proxy.set("hang");
    // those that hold a connection, and those that wait for one that is held
    const codes = await Promise.all(Array.from({ length: POOL * 2 }, () => ask()));
    expect(codes.slice(0, POOL)).toEqual(["unavailable, unheard", "unavailable, unheard"]);
    for (const code of codes.slice(POOL)) expect(["busy, unheard", "unavailable, unheard"]).toContain(code);
    await expect(connection.ask("select 1")).rejects.toThrow();
    // nobody else is given one of them
    expect(pools[0]?.idleCount).toBe(0);
    await proxy.set("pass");
    for (let tries = 0; (await askAll()).some((code) => code !== "not_found"); tries++)
      if (tries > 20) throw new TooSlow("no connection in time");
  }));

describe("a connection that is lost in the middle", () => {
  test("a write is sent once, whatever has become of it, and is found by whoever looks", async () => {
    await connect();
    await serve();
    const id = randomUUID();
    const lost = proxy.loseAnswerTo(/insert into/);
    const answer = await expenses().create({ ...spent, id });
    await lost;
    expect(answer._unsafeUnwrapErr()).toMatchObject({ code: "unavailable", isUnheard: false });
    expect(proxy.calls.filter((call) => call.includes(id))).toHaveLength(1);
    expect(value(await expenses().get(id))).toMatchObject({ id, amount: "1.50" });
    await serve();
  });

  test("the server itself ends it, while it works and while it is idle", async () => {
    await connect();
    await serve();
    const [own] = await connection.query("select current_setting('application_name') as name");
    const end = () =>
      supabase.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [own?.name]);
    const working = connection.run(claimsOf(ann.id), sql`select pg_sleep(${HANGS_MS / 1_000})`);
    const ended = expect(working).rejects.toMatchObject({ code: "57P01" });
    await vi.waitFor(async () => {
      const [found] = await supabase.sql(
        "select count(*)::int as n from pg_stat_activity where application_name = $1 and query like '%pg_sleep%' and state = 'active'",
        [own?.name],
      );
      expect(found?.n).toBe(1);
    }, PATIENT);
    await end();
    await ended;
    await serve();
    await end();
    await serve();
  });
});

describe("a pool that is full", () => {
  const hold = async () => {
    const held = proxy.hold(/held/);
    const before = proxy.calls.length;
    const calls = Array.from({ length: POOL }, () => connection.run(claimsOf(ann.id), sql`select 'held'`));
    await vi.waitUntil(() => proxy.calls.slice(before).filter((call) => /held/.test(call)).length === POOL, PATIENT);
    return { ...held, calls };
  };

  test("is busy for who waits for it in vain, and says nothing of the server", () =>
    atSomeScale(async (ms) => {
      await connect(ms);
      if ((await askAll()).some((code) => code !== "not_found")) throw new TooSlow("no connection in time");
      const { release, calls } = await hold();
      expect(await ask()).toBe("busy, unheard");
      expect(await connection.ask("select 1 as one").catch(() => [])).toSatisfy((rows: unknown[]) => {
        if (rows.length === 0) throw new TooSlow("no connection in time");
        return rows.length === 1;
      });
      release();
      expect((await Promise.all(calls)).map(({ rows }) => rows)).toEqual([[["held"]], [["held"]]]);
      await serve();
    }));

  test("a call that has been given up while it waited is never sent", async () => {
    await connect();
    await serve();
    const { release, calls } = await hold();
    const deadline = new AbortController();
    const id = randomUUID();
    const late = expenses(deadline.signal).create({ ...spent, id });
    deadline.abort();
    release();
    await Promise.all(calls);
    expect((await late)._unsafeUnwrapErr()).toMatchObject({ code: "unavailable", isUnheard: true });
    expect(proxy.calls.filter((call) => call.includes(id))).toEqual([]);
    expect(await ask()).toBe("not_found");
  });
});

test("closing ends the connections, and a later call opens them again", async () => {
  await connect();
  await serve();
  await connection.close();
  expect(pools.map(({ totalCount }) => totalCount)).toEqual([0]);
  expect(await ask()).toBe("not_found");
  expect(pools).toHaveLength(2);
});
