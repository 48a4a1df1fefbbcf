/** (b) The API over HTTP against a bare Hono handler: one call at a time, then many connections. */
import autocannon from "autocannon";
import { inOrder } from "./a-repositories.ts";
import type { Bench } from "./environment.ts";
import { file, request, type Target } from "./http.ts";
import { type Lines, ms } from "./lines.ts";
import { inTurns, median, sorted } from "./measure.ts";
import { body, loadMongo, loadPostgres } from "./records.ts";
import type { BareSettings } from "./servers/bare.ts";
import { untilPlanned } from "./statistics.ts";

const CALL_BAR = 1.3;
const LIST_BAR = 2;
const THROUGHPUT_BAR = 0.75;
const CONNECTIONS = 32;
const ROUNDS = 4;
const SECONDS = 3;
const MANY = 10_000;

export async function http(bench: Bench, lines: Lines): Promise<void> {
  const api = await bench.api();
  for (const home of ["mongodb", "supabase"] as const) {
    const settings: BareSettings = { supabase: bench.supabase, mongoUri: bench.mongoUri, home };
    const bareServer = await bench.server<{ url: string }>("bare.ts", settings);
    const few = await bench.user(home);
    const many = await bench.user(home);
    if (home === "mongodb") await loadMongo(bench.db, [many.id], MANY);
    else await loadPostgres(bench.sql, [many.id], MANY);
    const at = (url: string, jwt = few.jwt): Target => ({ url, jwt });
    const ours = at(api.ready.url);
    const bare = at(bareServer.ready.url);
    const ids: string[] = [];
    while (ids.length < 200) ids.push(await file(ours));

    const page = "/api/expenses?limit=20";
    const [oursMany, bareMany] = [at(ours.url, many.jwt), at(bare.url, many.jwt)];
    await untilPlanned(() => request(bareMany, page), 6);
    const compare = async (what: string, bar: number, peers: Record<"ours" | "bare", () => Promise<unknown>>) => {
      const times = await inTurns(peers);
      const [own, other] = [median(times.ours), median(times.bare)];
      lines.atMost(`${home} ${what}`, own / other, bar, "x", `API ${ms(own)}, bare handler ${ms(other)}`);
    };
    const each = (call: (target: Target) => Promise<unknown>) => ({ ours: () => call(ours), bare: () => call(bare) });
    const next = inOrder(ids);
    await compare(
      "get",
      CALL_BAR,
      each((target) => request(target, `/api/expenses/${next()}`)),
    );
    await compare(
      "list-20",
      CALL_BAR,
      each((target) => request(target, page)),
    );
    const change = { amount: "13.75" };
    await compare(
      "update",
      CALL_BAR,
      each((target) => request(target, `/api/expenses/${next()}`, "PATCH", change)),
    );
    await compare(
      "create",
      CALL_BAR,
      each((target) => request(target, "/api/expenses", "POST", body())),
    );
    await compare("list-20 of 10,000", LIST_BAR, {
      ours: () => request(oursMany, page),
      bare: () => request(bareMany, page),
    });

    const rates = { ours: [] as number[], bare: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      rates.ours.push(await throughput(ours, `/api/expenses/${ids[0]}`));
      rates.bare.push(await throughput(bare, `/api/expenses/${ids[0]}`));
    }
    const [own, other] = [median(sorted(rates.ours)), median(sorted(rates.bare))];
    const detail = `API ${Math.round(own)}/s, bare handler ${Math.round(other)}/s`;
    lines.atLeast(`${home} get at ${CONNECTIONS} connections`, own / other, THROUGHPUT_BAR, "x", detail);
    await bareServer.stop();
  }
  await api.stop();
}

/** Requests a second. */
async function throughput({ url, jwt }: Target, path: string): Promise<number> {
  const { requests, non2xx, errors } = await autocannon({
    url: url + path,
    connections: CONNECTIONS,
    duration: SECONDS,
    headers: { authorization: `Bearer ${jwt}` },
  });
  if (non2xx + errors > 0) throw new Error(`${path}: ${non2xx} answers were no success, ${errors} were none`);
  return requests.average;
}
