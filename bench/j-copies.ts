/**
 * (j) What it costs to be copied. Marks: the same writes on a table whose marks are switched off and on. Copying: a bulk
 * change of many rows beside a hand-written loop that reads a thousand rows and upserts them, without guard or marks. And a
 * comparison of both sides beside a bare scan of both.
 */
import { type Db, MongoClient } from "mongodb";
import { allCollections } from "../shared/collections/index.ts";
import { createLog } from "../shared/log.ts";
import { serviceClient } from "../shared/postgres/client.ts";
import { collectionSql } from "../shared/postgres/schema/collection-sql.ts";
import { copyOf } from "../shared/replication/copies.ts";
import { type ReplicationSource, supabaseSource } from "../shared/replication/source.ts";
import { verifyCollection } from "../shared/replication/verify.ts";
import { createReplicationWorker } from "../shared/replication/worker.ts";
import { copied, senders } from "../test/replication/collections.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { median } from "./measure.ts";
import { pages } from "./source-pages.ts";

const ROWS = 100_000;
const SINGLE = 400;
const BULK = 10_000;
const ROUNDS = 5;

export async function copies(bench: Bench, lines: Lines): Promise<void> {
  const { sql, supabase, mongoUri } = bench;
  for (const collection of copied)
    await sql.unsafe(
      `do $s$ begin execute $t$${collectionSql(collection, [...allCollections, ...copied])}$t$; end $s$`,
    );
  const mongo = new MongoClient(
    Object.assign(new URL(mongoUri), { pathname: `${new URL(mongoUri).pathname}_replica` }).href,
  );
  bench.atEnd(() => mongo.close());
  const replica = mongo.db();
  bench.atEnd(() => replica.dropDatabase());
  const config = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey };
  const source = supabaseSource(serviceClient(config), copied);
  const { id: clerk } = await bench.user("supabase");
  await sql`select public.switchyard_set_quotas(null, null)`;
  await marks({ bench, source, clerk, lines });
  await sql`truncate public.senders cascade`;
  await fill(bench, clerk, ROWS);
  await copying({ bench, source, replica, lines });
}

const fill = async ({ sql }: Bench, clerk: string, count: number) =>
  void (await sql`insert into public.senders (clerk_id, id, name)
    select ${clerk}, gen_random_uuid(), 'Sender ' || n from generate_series(1, ${count}::int) n`);

interface Marking {
  bench: Bench;
  source: ReplicationSource;
  clerk: string;
  lines: Lines;
}

/** By turns, so that what is slower for a while is so for both. */
async function marks({ bench, source, clerk, lines }: Marking): Promise<void> {
  const { sql } = bench;
  await fill(bench, clerk, BULK);
  const [one] = await sql`select id from public.senders limit 1`;
  const timed = async (work: () => Promise<unknown>) => {
    const begin = performance.now();
    await work();
    return performance.now() - begin;
  };
  const single = () =>
    timed(async () => {
      for (let n = 0; n < SINGLE; n++) await sql`update public.senders set name = ${`S${n}`} where id = ${one?.id}`;
    });
  const bulk = () => timed(() => sql`update public.senders set name = name || '!' where length(name) < 190`);
  for (const [what, work, bar] of [
    ["single rows", single, 1.25],
    [`${BULK} rows in one statement`, bulk, 1.5],
  ] as const) {
    const times: Record<"off" | "on", number[]> = { off: [], on: [] };
    for (let round = 0; round <= ROUNDS; round++)
      for (const state of ["off", "on"] as const) {
        (await source.switch(state === "on"))._unsafeUnwrap();
        const took = await work();
        if (round > 0) times[state].push(took);
      }
    const [off, on] = [median(times.off), median(times.on)];
    lines.atMost(`marks, ${what}: with to without`, on / off, bar, "x", `${on.toFixed(0)} ms, ${off.toFixed(0)} ms`);
  }
}

interface Copying {
  bench: Bench;
  source: ReplicationSource;
  replica: Db;
  lines: Lines;
}

async function copying({ bench, source, replica, lines }: Copying): Promise<void> {
  const { sql } = bench;
  const log = createLog({ level: "silent" });
  (await source.switch(false))._unsafeUnwrap();
  (await source.switch(true))._unsafeUnwrap();
  const change = () => sql`update public.senders set labels = array['x' || (random() * 1000)::int]`;
  const worker = createReplicationWorker({
    source,
    mongo: { replica: () => replica, home: () => replica },
    collections: copied,
    log,
  });
  await change();
  (await worker.run())._unsafeUnwrap();
  const rates: Record<"ours" | "bare", number[]> = { ours: [], bare: [] };
  for (let round = 0; round < 3; round++) {
    await change();
    const begin = performance.now();
    (await worker.run())._unsafeUnwrap();
    rates.ours.push(ROWS / ((performance.now() - begin) / 1_000));
    rates.bare.push(ROWS / ((await bareCopy(source, replica)) / 1_000));
  }
  const [ours, bare] = [median(rates.ours), median(rates.bare)];
  const detail = `${Math.round(ours).toLocaleString("en")} rows/s, by hand ${Math.round(bare).toLocaleString("en")} rows/s`;
  lines.atLeast(
    `copying a change of ${ROWS.toLocaleString("en")} rows, to a loop by hand`,
    ours / bare,
    0.6,
    "x",
    detail,
  );
  await comparing({ source, replica, lines });
}

/** Milliseconds, of a loop that reads a thousand rows by the same way and upserts them. */
async function bareCopy(source: ReplicationSource, replica: Db): Promise<number> {
  const documents = replica.collection("bare");
  const begin = performance.now();
  for await (const page of pages(source, 1_000, true)) {
    await documents.bulkWrite(
      page.map(({ id, seen, row = {} }) => {
        const replacement = copyOf(senders, { collection: senders.name, id, seen, row });
        return { replaceOne: { filter: { _id: replacement._id }, replacement, upsert: true } };
      }),
      { ordered: false },
    );
  }
  return performance.now() - begin;
}

async function comparing({ source, replica, lines }: Omit<Copying, "bench">): Promise<void> {
  const begin = performance.now();
  const found = (
    await verifyCollection({ source, mongo: { replica: () => replica, home: () => replica }, collection: senders })
  )._unsafeUnwrap();
  const ours = performance.now() - begin;
  const again = performance.now();
  for await (const _ of pages(source, 5_000, false));
  for await (const _ of replica
    .collection(senders.name)
    .find({}, { projection: { _seen: 1 }, sort: { _id: 1 }, batchSize: 5_000 }));
  const bare = performance.now() - again;
  const detail = `${found.rows.toLocaleString("en")} rows, ${found.differences.length} differ; ${ours.toFixed(0)} ms, bare ${bare.toFixed(0)} ms`;
  lines.atLeast("comparing both sides, to a bare scan of both", bare / ours, 0.5, "x", detail);
}
