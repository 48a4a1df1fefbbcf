/** (n) The dashboard from the cache, in memory and in Redis, beside one that is made anew, through the whole API. */
import { createApp } from "../api/_app.ts";
import { createVerifier } from "../api/_auth.ts";
import { changesStaleMs, createSharedParts } from "../api/_shared-parts.ts";
import { allCollections } from "../shared/collections/index.ts";
import { loadApiConfig } from "../shared/config.ts";
import { createLog } from "../shared/log.ts";
import { createRouter } from "../shared/placement/router.ts";
import type { Bench } from "./environment.ts";
import { type Lines, ms } from "./lines.ts";
import { inTurns, median } from "./measure.ts";
import { loadMongo, loadPostgres } from "./records.ts";

const BAR = 10;
const RECORDS = 200;
const CALLS = 600;
/** Limits are counted, and high enough for what is measured. */
const COUNTED = { RATE_LIMITS: "reads=999999999,address=999999999", CLIENT_ADDRESS_HEADER: "x-real-ip" };
const HOMES = ["supabase", "mongodb"] as const;

type Send = (path: string, method?: string, body?: object) => Promise<string>;

export async function dashboard(bench: Bench, lines: Lines): Promise<void> {
  const { redisUrl } = bench;
  if (!redisUrl) throw new Error("(n) needs REDIS_URL, too: the URL of a redis-server on this machine.");
  for (const [path, way] of Object.entries({ "by REST": {}, directly: { DATABASE_URL: bench.dbUrl } })) {
    const instances = {
      uncached: instance(bench, way),
      memory: instance(bench, { ...way, SINGLE_INSTANCE: "1" }),
      redis: instance(bench, { ...way, REDIS_URL: redisUrl }),
    };
    for (const home of HOMES) {
      const user = await bench.user(home);
      const [uncached, memory, redis] = [instances.uncached, instances.memory, instances.redis].map(({ as }) =>
        as(user.jwt),
      ) as [Send, Send, Send];
      if (home === "mongodb") await loadMongo(bench.db, [user.id], RECORDS);
      else await loadPostgres(bench.sql, [user.id], RECORDS);
      await fund(bench, uncached);
      const look = (send: Send) => () => send("/api/dashboard");
      const peers = { uncached: look(uncached), memory: look(memory), redis: look(redis) };
      const times = await inTurns(peers, { calls: CALLS });
      const anew = median(times.uncached);
      for (const kind of ["memory", "redis"] as const) {
        const hit = median(times[kind]);
        const detail = `p50 ${ms(hit)}, uncached ${ms(anew)}`;
        lines.atLeast(`${home} dashboard from ${kind}, beside one made anew ${path}`, anew / hit, BAR, "x", detail);
      }
    }
    for (const kind of ["memory", "redis"] as const) {
      const { hits, misses, bypassed } = instances[kind].cache.stats();
      lines.say(`${kind}: ${hits} answers from the cache, ${misses} made for it, ${bypassed} past it`);
    }
  }
}

/** Balances, and more transfers than a dashboard shows. */
async function fund(bench: Bench, send: Send): Promise<void> {
  const { id } = JSON.parse(await send("/api/ledger/accounts", "POST", { asset: "EUR" }));
  await bench.sql`select public.ledger_deposit(null, ${crypto.randomUUID()}, ${id}, '1000')`;
  for (let made = 0; made < 20; made++)
    await send("/api/ledger/transfers", "POST", { kind: "withdrawal", from_account: id, amount: "1" });
}

/** One instance of the API as it runs, but in this process. */
function instance(bench: Bench, more: Readonly<Record<string, string>>) {
  const config = loadApiConfig({ ...bench.apiEnvironment, ...COUNTED, ...more });
  const log = createLog({ level: "silent" });
  const router = createRouter({ config, collections: allCollections, log, changesStaleMs: changesStaleMs(config) });
  const clock = Date.now;
  // work behind an answer goes on by itself here
  const shared = createSharedParts({ config, router, log, clock });
  const verify = createVerifier(config);
  const app = createApp(() => ({ config, log, router, verify, clock, ...shared }));
  bench.atEnd(async () => {
    await shared.redis?.close();
    await router.close();
  });
  const as =
    (jwt: string): Send =>
    async (path, method = "GET", body) => {
      const response = await app.request(path, {
        method,
        headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json", "x-real-ip": "192.0.2.7" },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text;
    };
  return { as, cache: shared.cache };
}
