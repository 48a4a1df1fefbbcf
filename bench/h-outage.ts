/** (h) One database away: what the users of the other notice, and how fast those of the missing one are refused. */
import { setTimeout as wait } from "node:timers/promises";
import { type Mode, startProxy } from "../test/failure/proxy.ts";
import type { Home } from "../test/setup/users.ts";
import type { Bench } from "./environment.ts";
import { file, request, type Target } from "./http.ts";
import { type Lines, ms } from "./lines.ts";
import { median, quantile, sorted } from "./measure.ts";

const P99_BAR = 2;
const REFUSAL_BAR_MS = 20;
const ROUNDS = 4;
const CALLS = 500;
const AFFECTED_EVERY_MS = 20;

export async function outage(bench: Bench, lines: Lines): Promise<void> {
  const proxies = { supabase: await startProxy(bench.supabase.url), mongodb: await startProxy(bench.mongoUri) };
  bench.atEnd(() => Promise.all([proxies.supabase.stop(), proxies.mongodb.stop()]));
  const mongo = Object.assign(new URL(bench.mongoUri), { host: `127.0.0.1:${proxies.mongodb.port}` });
  mongo.searchParams.set("directConnection", "true");
  const api = await bench.api({
    SUPABASE_URL: `http://127.0.0.1:${proxies.supabase.port}`,
    MONGODB_URI: mongo.href,
  });
  const users = { supabase: await bench.user("supabase"), mongodb: await bench.user("mongodb") };
  const paths = {} as Record<Home, string>;
  const target = (home: Home): Target => ({ url: api.ready.url, jwt: users[home].jwt });
  for (const home of ["supabase", "mongodb"] as const) paths[home] = `/api/expenses/${await file(target(home))}`;

  for (const away of ["mongodb", "supabase"] as const) {
    const stays = away === "mongodb" ? "supabase" : "mongodb";
    for (const mode of ["refuse", "hang"] as const satisfies Mode[]) {
      const times = { before: [] as number[], during: [] as number[] };
      const refusals: number[] = [];
      // the first round is the warm-up
      for (let round = 0; round <= ROUNDS; round++) {
        const measured = await reads(target(stays), paths[stays]);
        await proxies[away].set(mode);
        const users = new AbortController();
        let isOpen = false;
        const refused = refusalsOf(target(away), paths[away], users.signal, () => isOpen);
        // until the breaker has opened, the deadline of the first calls is what they see
        await untilOpen(target(away), paths[away]);
        isOpen = true;
        const disturbed = await reads(target(stays), paths[stays]);
        users.abort();
        const seen = await refused;
        await proxies[away].set("pass");
        await untilBack(target(away), paths[away]);
        if (round === 0) continue;
        times.before.push(...measured);
        times.during.push(...disturbed);
        refusals.push(...seen);
      }
      const [before, during] = [quantile(sorted(times.before), 0.99), quantile(sorted(times.during), 0.99)];
      const what = `${away} away (${mode})`;
      lines.atMost(
        `${what}, p99 of users in ${stays}`,
        during / before,
        P99_BAR,
        "x",
        `${ms(during)}, before ${ms(before)}`,
      );
      const shut = sorted(refusals);
      const detail = `${shut.length} refusals, p99 ${ms(quantile(shut, 0.99))}`;
      lines.atMost(`${what}, refusal with the breaker open`, median(shut), REFUSAL_BAR_MS, " ms", detail);
    }
  }
  await api.stop();
}

async function reads(target: Target, path: string): Promise<number[]> {
  const times: number[] = [];
  while (times.length < CALLS) {
    const start = performance.now();
    await request(target, path);
    times.push(performance.now() - start);
  }
  return times;
}

async function read({ url, jwt }: Target, path: string): Promise<{ status: number; ms: number }> {
  const start = performance.now();
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${jwt}` } });
  await answer.text();
  return { status: answer.status, ms: performance.now() - start };
}

/** How long the refusals take that are asked for while it `counts`, until the signal. The probes among them, one at a time, take as long as the database lets them. */
async function refusalsOf(target: Target, path: string, signal: AbortSignal, counts: () => boolean): Promise<number[]> {
  const times: number[] = [];
  const under: Promise<void>[] = [];
  while (!signal.aborted) {
    const counted = counts();
    under.push(
      read(target, path).then(({ status, ms }) => {
        if (status !== 503) throw new Error(`${path} answered ${status} while its database was away`);
        if (counted) times.push(ms);
      }),
    );
    await wait(AFFECTED_EVERY_MS);
  }
  await Promise.all(under);
  return times;
}

async function untilOpen(target: Target, path: string): Promise<void> {
  for (let fast = 0; fast < 3; ) fast = (await read(target, path)).ms < 100 ? fast + 1 : 0;
}

async function untilBack(target: Target, path: string): Promise<void> {
  while ((await read(target, path)).status !== 200) await wait(100);
}
