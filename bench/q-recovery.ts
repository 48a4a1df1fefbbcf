/**
 * (q) What an operator waits for who recovers: the commands of docs/recovery.md, one after the other, with 20,000 customers and
 * a copy of them. Times without a peer, because there is none: they say how long it takes here, and on no other machine.
 */
import type { Document } from "mongodb";
import { runCommand } from "../scripts/commands/index.ts";
import { customers } from "../shared/collections/customers.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { withoutTriggers } from "./without-triggers.ts";

const ROWS = 20_000;
/** Of the copy, where something has changed them behind everybody's back. */
const DIFFERENT = 1_000;
/** In Supabase, as by going back in time. */
const LOST = 5_000;

export async function recovery(bench: Bench, lines: Lines): Promise<void> {
  const { sql, db } = bench;
  const { id: owner } = await bench.user("supabase");
  await sql`select public.switchyard_set_quotas(null, null)`;
  await sql`insert into public.customers (owner_id, id, name)
    select ${owner}, gen_random_uuid(), 'Customer ' || n from generate_series(1, ${ROWS}::int) n`;
  const copies = db.collection(customers.name);
  const some = async (count: number) => (await copies.find().limit(count).toArray()).map(({ _id }) => _id);
  const change = async (set: Document) =>
    copies.updateMany({ _id: { $in: await some(DIFFERENT) } }, { $set: set }, { bypassDocumentValidation: true });
  const run = (words: string) => timed(bench, lines, words);

  await run("db prepare mongodb");
  await run("replication backfill");
  await run("replication verify --deep");
  await change({ name: "Changed by hand" });
  await run("replication repair");
  await copies.deleteMany({});
  await run("replication backfill --restart");
  // it answers here, and is told to be taken for lost all the same
  await run("replication promote all mongodb --force");
  await run("replication demote all");
  await withoutTriggers(
    sql,
    "public.customers",
    (tx) => tx`delete from public.customers where id in (select id from public.customers limit ${LOST})`,
  );
  await run("replication restore");
  await run("replication restore --commit");
  await run("replication verify --deep");
}

async function timed({ supabase, mongoUri }: Bench, lines: Lines, words: string): Promise<void> {
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const env = { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey, MONGODB_URI: mongoUri };
  const begin = performance.now();
  const code = await runCommand(words.split(" "), { env, out: say, err: say });
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  if (code !== 0) throw new Error(`${words} ended with ${code}: ${said.join("\n")}`);
  lines.say(`${words}: ${seconds} s with ${ROWS.toLocaleString("en")} customers`);
}
