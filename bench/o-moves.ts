/**
 * (o) Users who move while they write: how long their writes wait. A hundred at once, from both homes, through two instances;
 * one after the other from Postgres, where all but the last copy has a bar of its own; and one of a hundred thousand records.
 */
import { setTimeout as wait } from "node:timers/promises";
import { allCollections, homeCollections } from "../shared/collections/index.ts";
import { loadFunctionConfig } from "../shared/config.ts";
import { deadlinesOf } from "../shared/deadlines.ts";
import { createLog } from "../shared/log.ts";
import { createMovesControl, type Move } from "../shared/moves/control.ts";
import { runMoves } from "../shared/moves/worker.ts";
import { isUnderWay } from "../shared/operations/move-users.ts";
import { closeAll, createRegistry } from "../shared/placement/registry.ts";
import { serviceClient } from "../shared/postgres/client.ts";
import { keepWriting, type Send } from "../test/moves/writers.ts";
import type { TestUser } from "../test/setup/users.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { quantile, sorted } from "./measure.ts";
import { loadMongo, loadPostgres } from "./records.ts";

const PAUSE_BAR_MS = 2_000;
const REST_BAR_MS = 100;
const AT_ONCE = 100;
const ALONE = 20;
const MANY = 100_000;
const PACE_MS = 1_000;
/** Instances here hear of a move within a second, and a request's deadline. */
const NOTICE = { MOVE_NOTICE_SECONDS: "1" };
const other = (home: string) => (home === "supabase" ? "mongodb" : "supabase");

export async function moves(bench: Bench, lines: Lines): Promise<void> {
  const { supabase, mongoUri } = bench;
  const config = loadFunctionConfig({
    ...{ SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey, MONGODB_URI: mongoUri },
    ...NOTICE,
  });
  const service = serviceClient(config);
  const deadlines = deadlinesOf(config);
  const registry = createRegistry({ config, service, collections: allCollections, deadlines, appName: "bench" });
  bench.atEnd(() => closeAll(registry));
  const control = createMovesControl(service);
  const log = createLog({ level: "silent" });
  const options = { control, databases: registry, collections: homeCollections, log };
  await bench.sql`select public.switchyard_set_quotas(null, null)`;
  const settings = { ...NOTICE, DATABASE_URL: bench.dbUrl };
  const instances = [await bench.api(settings), await bench.api(settings)];

  /** Begins these moves, and works until all have ended; as they ended. */
  const move = async (users: readonly TestUser[]): Promise<Move[]> => {
    for (const to of ["supabase", "mongodb"]) {
      const leaving = users.filter(({ home }) => other(home) === to).map(({ id }) => id);
      if (leaving.length > 0) (await control.start(leaving, to, "bench"))._unsafeUnwrap();
    }
    const ids = new Set(users.map(({ id }) => id));
    for (;;) {
      (await runMoves(options))._unsafeUnwrap();
      const all = (await control.list({ limit: 1_000 }))._unsafeUnwrap().filter(({ user_id }) => ids.has(user_id));
      if (!all.some(isUnderWay)) return all;
      await wait(50);
    }
  };
  const writersOf = ({ jwt }: TestUser) =>
    keepWriting(
      instances.map(({ ready }) => sendTo(ready.url, jwt)),
      PACE_MS,
    );
  const users = (count: number, home: (at: number) => "supabase" | "mongodb") =>
    Promise.all(Array.from({ length: count }, (_, at) => bench.user(home(at))));

  await atOnce();
  await oneByOne();
  for (const home of ["supabase", "mongodb"] as const) await many(home);

  async function atOnce(): Promise<void> {
    const all = await users(AT_ONCE, (at) => (at % 2 === 0 ? "supabase" : "mongodb"));
    const writers = all.map(writersOf);
    const moved = await move(all);
    const written = await Promise.all(writers.map((writer) => writer.stop()));
    const odd = written.flatMap((one) => one.odd);
    if (odd.length > 0) throw new Error(odd[0]);
    const waited = sorted(written.flatMap(({ waitedMs }) => waitedMs));
    const sum = (of: (one: (typeof written)[number]) => number) => written.reduce((all, one) => all + of(one), 0);
    lines.say(
      `${AT_ONCE} users at once: ${sum((one) => one.acknowledged)} writes, ${waited.length} of them waited, told ${sum((one) => one.refused)} times to come again`,
    );
    say(`${AT_ONCE} at once, writes pause`, pausesOf(moved), PAUSE_BAR_MS);
    if (waited.length > 0) say(`${AT_ONCE} at once, a write that was refused waits`, waited, PAUSE_BAR_MS);
    say(`${AT_ONCE} at once from Postgres, without the last copy`, restsOf(moved), undefined);
  }

  async function oneByOne(): Promise<void> {
    const moved: Move[] = [];
    for (const user of await users(ALONE, () => "supabase")) {
      const writer = writersOf(user);
      moved.push(...(await move([user])));
      await writer.stop();
    }
    say("one after the other from Postgres, writes pause", pausesOf(moved), PAUSE_BAR_MS);
    say("one after the other from Postgres, without the last copy", restsOf(moved), REST_BAR_MS);
  }

  async function many(home: "supabase" | "mongodb"): Promise<void> {
    const user = await bench.user(home);
    await (home === "mongodb" ? loadMongo(bench.db, [user.id], MANY) : loadPostgres(bench.sql, [user.id], MANY));
    const writer = writersOf(user);
    const began = performance.now();
    const moved = await move([user]);
    const { waitedMs } = await writer.stop();
    const detail = `${moved[0]?.detail.copied} copied in ${((performance.now() - began) / 1_000).toFixed(0)} s, of which the last copy ${moved[0]?.detail.last_copy_ms} ms; a write waited ${Math.max(0, ...waitedMs).toFixed(0)} ms`;
    const [pause = Number.NaN] = pausesOf(moved);
    lines.atMost(`${MANY.toLocaleString("en")} records from ${home}, writes pause`, pause, PAUSE_BAR_MS, " ms", detail);
  }

  function say(what: string, times: readonly number[], bar: number | undefined): void {
    const [half, most] = [quantile(times, 0.5), quantile(times, 0.99)];
    const detail = `p50 ${half.toFixed(0)} ms`;
    if (bar === undefined) lines.say(`${what}, p99: ${most.toFixed(0)} ms [${detail}]`);
    else lines.atMost(`${what}, p99`, most, bar, " ms", detail);
  }
}

const pausesOf = (moved: readonly Move[]) => sorted(moved.map(({ detail }) => detail.paused_ms ?? Number.NaN));
const restsOf = (moved: readonly Move[]) =>
  sorted(
    moved
      .filter(({ source }) => source === "supabase")
      .map(({ detail }) => (detail.paused_ms ?? Number.NaN) - (detail.last_copy_ms ?? 0)),
  );

/** A connection that breaks, as one does that a busy instance closes for idleness, is no answer: the write is sent again. */
const sendTo =
  (url: string, jwt: string): Send =>
  async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json", ...headers },
      ...(body && { body: JSON.stringify(body) }),
    }).catch((error: Error) => error);
    if (answer instanceof Error) return { status: 503, body: { detail: String(answer.cause) }, retryAfter: "0" };
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text), retryAfter: answer.headers.get("retry-after") };
  };
