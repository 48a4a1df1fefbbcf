/** What statistics cost is bounded: of a large table they say an estimate, and that it is one. */
import type { Db } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";

const MANY = 100_001;

let supabase: TestSupabase;
let api: ApiInstance;
let mongo: ReturnType<typeof createMongoClient>;
let db: Db;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  const mongoUri = await preparedMongo("stats");
  mongo = createMongoClient(mongoUri, { appName: "switchyard-test" });
  db = mongo.db(databaseName(mongoUri));
  api = await startApi({ on: supabase, mongoUri });
});
afterAll(async () => {
  await api?.close();
  await mongo?.close();
  await supabase?.stop();
});

interface Home {
  name: string;
  collections: Record<string, number | null>;
  estimated: Record<string, string | null>;
}

test("up to 100,000 are counted, of more there is an estimate and its age", async () => {
  const admin = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "admin" } });
  const read = async () => {
    const answer = await api.app.request("/api/admin/database-stats", {
      headers: { authorization: `Bearer ${admin.jwt}` },
    });
    expect(answer.status).toBe(200);
    await api.judge("get", "/api/admin/database-stats", answer.clone());
    return (await answer.json()) as { homes: Home[] } & Record<"supabase" | "mongodb", Omit<Home, "name">>;
  };
  const fill = async (count: number) => {
    await supabase.sql(
      `insert into public.contacts (user_id, id, name) select $1, gen_random_uuid(), 'n' from generate_series(1, $2::int)`,
      [admin.id, count],
    );
    const documents = Array.from({ length: count }, (_, at) => ({ _id: `${count}-${at}` as never, _deleted_at: null }));
    for (let at = 0; at < count; at += 20_000)
      await db
        .collection("contacts")
        .insertMany(documents.slice(at, at + 20_000), { bypassDocumentValidation: true, ordered: false });
  };
  await supabase.sql("select public.switchyard_set_quotas(null, null)");
  await fill(3);
  const small = await read();
  for (const home of small.homes) {
    expect([home.collections.contacts, home.estimated]).toEqual([3, {}]);
  }
  await fill(MANY);
  await supabase.sql("analyze public.contacts");
  const large = await read();
  for (const { collections, estimated } of large.homes) {
    expect(collections.contacts).toBeGreaterThanOrEqual(MANY);
    expect(collections.contacts).toBeLessThan(MANY * 1.2);
    expect(Object.keys(estimated)).toEqual(["contacts"]);
    expect(Date.parse(estimated.contacts ?? "")).toBeGreaterThan(Date.now() - 600_000);
  }
  expect(large.supabase.collections.contacts).toBe(large.homes[0]?.collections.contacts);
});

test("what is counted exactly, and from when on not, the function is told", async () => {
  const ask = async (exact: number) => {
    const [row] = await supabase.sql<{ found: { collections: Record<string, number>; estimated: object } }>(
      "select public.switchyard_stats($1) as found",
      [exact],
    );
    return row?.found;
  };
  expect((await ask(MANY + 3))?.estimated).not.toHaveProperty("contacts");
  expect((await ask(MANY + 3))?.collections.contacts).toBe(MANY + 3);
  expect((await ask(MANY + 2))?.estimated).toHaveProperty("contacts");
});
