/**
 * The dashboard is never older than what was acknowledged, never wrong about money, and never an error because of Redis: random
 * interleavings of two instances that share one Redis, whose lines to it fail in some. A failure names its seed and path: give
 * them as SWITCHYARD_SEED and SWITCHYARD_PATH, and the same is drawn again. Five histories are 10,000 reads (npm run test:long).
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type Mode, startProxy, type TcpProxy } from "../failure/proxy.ts";
import { untilUsed } from "../setup/cache-histories.ts";
import { createDashboardPlay, FUNDS, PEOPLE, type Person, roundOf } from "../setup/dashboard-histories.ts";
import { dashboardHistories, replay } from "../setup/histories.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { redisUrl } from "../setup/servers.ts";
import { newUser } from "../setup/users.ts";

const SIZE = 250;
const ROUNDS = 4;

let supabase: OwnDatabase;
let instances: { api: ApiInstance; proxy: TcpProxy }[];
beforeAll(async () => {
  // an instance of another file that wrote past its Redis would bar these from the cache for eleven minutes
  supabase = await startOwnDatabase();
  const mongoUri = await preparedMongo("dashboard");
  const start = async (way: { DATABASE_URL?: string }) => {
    const proxy = await startProxy(redisUrl("dashboard"));
    const more = { ...way, REDIS_URL: redisUrl("dashboard", proxy) };
    return { proxy, api: await startApi({ on: supabase, mongoUri, more }) };
  };
  // one by each way to Postgres
  instances = [await start({}), await start({ DATABASE_URL: supabase.ownerUrl })];
});
afterAll(async () => {
  for (const { api, proxy } of instances ?? []) {
    await api.close();
    await proxy.stop();
  }
  await supabase?.stop();
});

async function newPerson(_: unknown, at: number): Promise<Person> {
  const user = await newUser({ home: at % 2 === 0 ? "supabase" : "mongodb", on: supabase });
  const send: Person["send"] = async (instance, method, path, body) => {
    const response = await instances[instance]?.api.app.request(path, {
      method,
      headers: { authorization: `Bearer ${user.jwt}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = (await response?.text()) ?? "";
    return { status: response?.status ?? 0, value: text ? JSON.parse(text) : undefined };
  };
  const { value } = await send(0, "POST", "/api/ledger/accounts", { asset: "EUR" });
  const { id } = value as { id: string };
  await supabase.sql(`select public.ledger_deposit(null, gen_random_uuid(), '${id}', '${FUNDS}')`);
  return { id: user.id, account: id, send };
}

const mode = fc.constantFrom<Mode>("pass", "cut", "refuse", "hang");
/** Mostly everything is well, or nothing would be cached. */
const fault = fc.oneof(
  { weight: 3, arbitrary: fc.constant<[Mode, Mode]>(["pass", "pass"]) },
  { weight: 1, arbitrary: fc.tuple(mode, mode) },
);

test(
  "dashboards at random among writes, with Redis out of reach in some",
  async () => {
    let reads = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(roundOf(fault, SIZE), { minLength: ROUNDS, maxLength: ROUNDS }), async (rounds) => {
        const people = await Promise.all(Array.from({ length: PEOPLE }, newPerson));
        const { play, lookAgain, broken, reads: made } = createDashboardPlay(people);
        for (const { interleavings, faultAt, fault: modes } of rounds) {
          await play(interleavings, faultAt, async () => {
            await Promise.all(instances.map(({ proxy }, at) => proxy.set(modes[at] ?? "pass")));
          });
          await Promise.all(instances.map(({ proxy }) => proxy.set("pass")));
          const caches = instances.map(({ api }) => api.cache);
          await untilUsed(caches, (look) => vi.waitUntil(look, { ...PATIENT, interval: 20 }));
          await lookAgain();
          expect(broken).toEqual([]);
        }
        reads += made();
      }),
      // what fails once among servers is not found again by trying less
      { numRuns: dashboardHistories(), endOnFailure: true, ...replay() },
    );
    const used = instances.map(({ api }) => api.cache.stats());
    const of = (kind: "hits" | "misses" | "bypassed") => used.reduce((sum, each) => sum + each[kind], 0);
    // all three of them were read by many
    expect([of("hits") > reads / 50, of("misses") > reads / 50, of("bypassed") > reads / 50]).toEqual([
      true,
      true,
      true,
    ]);
  },
  HANGS_MS,
);
