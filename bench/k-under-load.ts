/**
 * (k) Copying while others are at work: the lag at a hundred writes a second, the rate beside a transaction that stays open, and
 * comparing a million rows within little memory.
 */
import { type Db, MongoClient } from "mongodb";
import { allCollections } from "../shared/collections/index.ts";
import { createLog } from "../shared/log.ts";
import type { OpenCopy } from "../shared/operations/open-replication.ts";
import { createReplicateEndpoint } from "../shared/operations/replicate-endpoint.ts";
import { createWakeUp } from "../shared/placement/wake-copying.ts";
import { serviceClient } from "../shared/postgres/client.ts";
import { collectionSql } from "../shared/postgres/schema/collection-sql.ts";
import { copyBothWays } from "../shared/replication/both-ways.ts";
import { createCollector } from "../shared/replication/collector.ts";
import { copyOf } from "../shared/replication/copies.ts";
import { type ReplicationSource, supabaseSource } from "../shared/replication/source.ts";
import { createReplicationWorker, type ReplicationWorker } from "../shared/replication/worker.ts";
import { copied, senders } from "../test/replication/collections.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { median } from "./measure.ts";
import { pages } from "./source-pages.ts";

const WRITES_A_SECOND = 100;
const SECONDS = 20;
const ROWS = 50_000;
const MANY = 1_000_000;
const PAGE = 5_000;

interface Loaded {
  bench: Bench;
  lines: Lines;
  source: ReplicationSource;
  replica: Db;
  replicaUri: string;
  worker: ReplicationWorker;
  copy: Pick<OpenCopy, "run">;
  clerk: string;
}

export async function underLoad(bench: Bench, lines: Lines): Promise<void> {
  const { sql, supabase, mongoUri } = bench;
  for (const collection of copied)
    await sql.unsafe(
      `do $s$ begin execute $t$${collectionSql(collection, [...allCollections, ...copied])}$t$; end $s$`,
    );
  const replicaUri = Object.assign(new URL(mongoUri), { pathname: `${new URL(mongoUri).pathname}_load` }).href;
  const mongo = new MongoClient(replicaUri);
  bench.atEnd(() => mongo.close());
  const replica = mongo.db();
  bench.atEnd(() => replica.dropDatabase());
  const config = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey };
  const source = supabaseSource(serviceClient(config), copied);
  const log = createLog({ level: "silent" });
  const mongoSide = { replica: () => replica, home: () => replica };
  const worker = createReplicationWorker({ source, mongo: mongoSide, collections: copied, log });
  const collector = createCollector({ source, mongo: mongoSide, collections: [], log });
  const copy: Pick<OpenCopy, "run"> = {
    run: (timeoutMs) => copyBothWays({ worker, collector }, timeoutMs),
  };
  const { id: clerk } = await bench.user("supabase");
  await sql`select public.switchyard_set_quotas(null, null)`;
  (await source.switch(true))._unsafeUnwrap();
  const loaded: Loaded = { bench, lines, source, replica, replicaUri, worker, copy, clerk };
  await fill(loaded, ROWS);
  (await worker.run())._unsafeUnwrap();
  await lag(loaded);
  await besideAnOpenTransaction(loaded);
  await comparingMany(loaded);
}

const fill = async ({ bench, clerk }: Loaded, count: number) =>
  void (await bench.sql`insert into public.senders (clerk_id, id, name)
    select ${clerk}, gen_random_uuid(), 'Sender ' || n from generate_series(1, ${count}::int) n`);

/** Each write wakes the function that copies, as the API does. */
async function lag({ bench, lines, source, worker, copy }: Loaded): Promise<void> {
  const { sql } = bench;
  await sql`delete from switchyard.replication_batches`;
  const endpoint = createReplicateEndpoint({
    keys: ["key"],
    replication: { source, copy },
  });
  const running = new Set<Promise<unknown>>();
  const wake = createWakeUp({
    call: () => endpoint(new Request("http://localhost/", { method: "POST", headers: { apikey: "key" } })),
    clock: () => performance.now(),
    waitUntil: (work) => void running.add(work.finally(() => running.delete(work))),
    log: { debug: () => {} },
  });
  const ids = await sql`select id from public.senders limit 1000`;
  const begin = performance.now();
  const writes: Promise<unknown>[] = [];
  for (let n = 0; n < WRITES_A_SECOND * SECONDS; n++) {
    const left = begin + (n * 1_000) / WRITES_A_SECOND - performance.now();
    if (left > 0) await new Promise((done) => setTimeout(done, left));
    const id = String(ids[n % ids.length]?.id);
    writes.push(Promise.resolve(sql`update public.senders set name = ${`N${n}`} where id = ${id}`).then(wake));
  }
  await Promise.all(writes);
  await Promise.all(running);
  (await worker.run())._unsafeUnwrap();
  const status = (await source.status())._unsafeUnwrap();
  const detail = `p50 ${status.lag_p50_ms?.toFixed(0)} ms`;
  lines.atMost(`lag at ${WRITES_A_SECOND} writes a second, p99`, status.lag_p99_ms ?? Number.NaN, 250, " ms", detail);
}

/** What was claimed cannot be vacuumed while it is open: claims walk past it. */
async function besideAnOpenTransaction(loaded: Loaded): Promise<void> {
  const { sql } = loaded.bench;
  const round = async () => {
    await sql`update public.senders set labels = array['x' || (random() * 1000)::int]`;
    const begin = performance.now();
    (await loaded.worker.run())._unsafeUnwrap();
    return ROWS / ((performance.now() - begin) / 1_000);
  };
  await round();
  const alone = [await round(), await round(), await round()];
  const open = await sql.reserve();
  await open`begin isolation level repeatable read`;
  await open`select pg_current_xact_id()`;
  const beside: number[] = [];
  for (let n = 0; n < 6; n++) beside.push(await round());
  await open`rollback`;
  open.release();
  const [rate, bare] = [median(beside.slice(-3)), median(alone)];
  const detail = `${Math.round(rate)} rows/s once ${(ROWS * 6).toLocaleString("en")} marks were claimed in it, ${Math.round(bare)} without`;
  loaded.lines.atLeast("copying beside a transaction that stays open, to without", rate / bare, 0.8, "x", detail);
}

interface Compared {
  rows: number;
  ms: number;
  bareMs: number;
  maxRssMb: number;
}

/** In a process of its own, whose memory is its alone, with the flags of `npm run switchyard`: Node takes more than it needs otherwise. */
async function comparingMany(loaded: Loaded): Promise<void> {
  const { bench, lines, source, replica, replicaUri } = loaded;
  (await source.switch(false))._unsafeUnwrap();
  for (let made = ROWS; made < MANY; made += ROWS) await fill(loaded, ROWS);
  const documents = replica.collection(senders.name);
  await documents.deleteMany({});
  for await (const page of pages(source, PAGE, true))
    await documents.insertMany(
      page.map(({ id, seen, row = {} }) => copyOf(senders, { collection: senders.name, id, seen, row })),
      { ordered: false },
    );
  const { supabase } = bench;
  const child = await bench.server<Compared>("compare.ts", { url: supabase.url, key: supabase.secretKey, replicaUri }, [
    "--optimize-for-size",
  ]);
  const { rows, ms, bareMs, maxRssMb } = child.ready;
  await child.stop();
  const detail = `${rows.toLocaleString("en")} rows, ${(ms / 1_000).toFixed(1)} s, bare ${(bareMs / 1_000).toFixed(1)} s`;
  lines.atLeast("comparing a million rows, to a bare scan of both", bareMs / ms, 0.5, "x", detail);
  lines.atMost("the memory that takes, of the whole process", maxRssMb, 200, " MB");
}
