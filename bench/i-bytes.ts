/**
 * (i) What a page of long records brings over the wire, beside the records themselves as JSON: nothing may travel that nobody
 * sees. The texts are those that fold to the most.
 */
import { collections } from "../shared/collections/index.ts";
import { createMongoClient } from "../shared/mongo/client.ts";
import { userClient } from "../shared/postgres/client.ts";
import { claimsOf } from "../shared/postgres/direct/claims.ts";
import { createPostgresConnection } from "../shared/postgres/direct/connection.ts";
import {
  directRepositories,
  mongoRepositories,
  postgresRepositories,
  type Repositories,
} from "../test/setup/repositories.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";
import { type Relay, startRelay } from "./relay.ts";

const RECORDS = 20;
const BAR = 1.25;
const LONG = "\uFDFA".repeat(2_000);
const TEXTS = { note: LONG, phone: LONG };

export async function bytesRead(bench: Bench, lines: Lines): Promise<void> {
  const { supabase, dbUrl, mongoUri } = bench;
  const relay = async (url: string) => {
    const made = await startRelay(url);
    bench.atEnd(made.stop);
    return made;
  };

  const mongo = await relay(mongoUri);
  const client = createMongoClient(mongo.url, { appName: "switchyard-bench" });
  bench.atEnd(() => client.close());
  await page("mongodb", mongo, mongoRepositories({ db: client.db(), userId: crypto.randomUUID() }), lines);

  const { id: userId, jwt } = await bench.user("supabase");
  const rest = await relay(supabase.url);
  const config = { SUPABASE_URL: rest.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };
  await page("supabase over REST", rest, postgresRepositories({ client: userClient(config, jwt), userId }), lines);

  const { id: another } = await bench.user("supabase");
  const postgres = await relay(dbUrl);
  const connection = createPostgresConnection(postgres.url, { appName: "switchyard-bench" });
  bench.atEnd(() => connection.close());
  const direct = directRepositories({ connection, claims: claimsOf(another, "supabase", 1) });
  await page("supabase", postgres, direct, lines);
}

async function page(database: string, relay: Relay, { repository }: Repositories, lines: Lines): Promise<void> {
  const contacts = repository(collections.contacts);
  for (let n = 0; n < RECORDS; n++) (await contacts.create({ name: `Contact ${n}`, ...TEXTS }))._unsafeUnwrap();
  const query = { filters: [], sort: { field: "name", direction: "asc" }, limit: RECORDS } as const;
  const read = async (q?: string) => {
    const before = relay.sent();
    const { items } = (await contacts.list(q ? { ...query, q } : query))._unsafeUnwrap();
    if (items.length !== RECORDS) throw new Error(`${items.length} records were found`);
    return { own: Buffer.byteLength(JSON.stringify(items)), wire: relay.sent() - before };
  };
  // whatever is said once to a connection has been said
  await read();
  for (const [what, { own, wire }] of Object.entries({
    "list-20": await read(),
    "list-20 by q": await read("\uFDFA"),
  })) {
    const each = (bytes: number) => `${Math.round(bytes / RECORDS).toLocaleString("en")} bytes`;
    const detail = `${each(wire)} a record on the wire, ${each(own)} as JSON`;
    lines.atMost(`${database} ${what}, bytes read to bytes shown`, wire / own, BAR, "x", detail);
  }
}
