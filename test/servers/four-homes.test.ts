/** A living system of two databases gets a third and a fourth from the command line, and loses one again. */
import { randomUUID } from "node:crypto";
import { createClient } from "@supabase/supabase-js";
import { decodeJwt } from "jose";
import { MongoClient } from "mongodb";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { type Environment, loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createPurgeEndpoint } from "../../shared/operations/purge-endpoint.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { createBarePostgres } from "../setup/data-plane.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import type { ServerDatabase } from "../setup/server-database.ts";
import { mongoUriFor } from "../setup/servers.ts";

interface Person {
  id: string;
  jwt: string;
  home: string;
  record: string;
}

let control: OwnDatabase;
let neon: ServerDatabase;
let api: ApiInstance;
let env: Environment;
let mongoUris: string[];
const people: Person[] = [];

async function at<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

beforeAll(async () => {
  control = await startOwnDatabase();
  neon = await createBarePostgres();
  mongoUris = ["mongodb", "atlas"].map((name) => mongoUriFor(`four_${name}_${randomUUID().slice(0, 8)}`));
  const [mongoUri = "", atlas = ""] = mongoUris;
  const more = { DATABASE_ATLAS: atlas, DATABASE_NEON: neon.dbUrl };
  env = { SUPABASE_URL: control.url, SUPABASE_SECRET_KEY: control.secretKey, MONGODB_URI: mongoUri, ...more };
  api = await startApi({ on: control, mongoUri, more });
});
afterAll(async () => {
  await api?.close();
  for (const uri of mongoUris ?? []) {
    const client = new MongoClient(uri);
    await client.db().dropDatabase();
    await client.close();
  }
  await neon?.drop();
  await control?.stop();
});

/** What the command says; it has to succeed. */
async function operator(line: string): Promise<string> {
  const said: string[] = [];
  const io = { env, out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  const code = await runCommand(line.split(" "), io);
  expect([code, said.join("\n")]).toEqual([0, expect.any(String)]);
  return said.join("\n");
}

async function call(jwt: string, method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${jwt}`, "content-type": "application/json" };
  const response = await api.app.request(`/api${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: response.status === 204 ? undefined : await response.json() };
}

/** Through the real sign-up; each writes a record first thing. */
async function signUp(count: number): Promise<string[]> {
  for (let each = 0; each < count; each++) {
    const client = createClient(control.url, control.publishableKey, { auth: { persistSession: false } });
    const { data, error } = await client.auth.signUp({ email: `${randomUUID()}@four.test`, password: randomUUID() });
    if (error || !data.session) throw error ?? new Error("no session");
    const jwt = data.session.access_token;
    const { app_metadata } = decodeJwt<{ app_metadata: { home: string } }>(jwt);
    const made = await call(jwt, "POST", "/contacts", { name: "Ann" });
    expect([app_metadata.home, made.status]).toEqual([app_metadata.home, 201]);
    people.push({ id: data.session.user.id, jwt, home: app_metadata.home, record: made.body.id });
  }
  return people.slice(-count).map(({ home }) => home);
}

const peopleAt = (home: string) => people.filter((person) => person.home === home);

/** Everyone has their own record, in their own home, and nobody else's. */
async function expectAllServed(): Promise<void> {
  for (const [at, { jwt, home, record }] of people.entries()) {
    const mine = await call(jwt, "GET", "/contacts");
    expect([home, mine.status, mine.body.items.map(({ id }: { id: string }) => id)]).toEqual([home, 200, [record]]);
    const other = people[(at + 1) % people.length];
    expect((await call(jwt, "GET", `/contacts/${other?.record}`)).status).toBe(404);
  }
}

test("people sign up into all four, are served there, and into three when one is drained", async () => {
  expect(await operator("db prepare mongodb")).toMatch("as before");
  expect((await signUp(2)).sort()).toEqual(["mongodb", "supabase"]);

  expect(await operator("databases add atlas")).toMatch("mongodb, site 3.");
  expect(await operator("databases add neon")).toMatch("postgres, site 4.");
  // listed, and not prepared: nobody is sent there
  expect((await signUp(2)).sort()).toEqual(["mongodb", "supabase"]);
  expect(await operator("db prepare")).toMatch(/atlas: prepared\. From now on.*\n.*\nneon: prepared\. From now on/);
  expect((await signUp(8)).sort()).toEqual([
    ...["atlas", "atlas", "atlas", "mongodb", "neon", "neon", "neon", "supabase"],
  ]);
  await expectAllServed();

  const health = await call("", "GET", "/health");
  expect(health.body).toMatchObject({ status: "healthy", databases: { postgresql: {}, mongodb: {} } });
  expect(health.body.homes).toMatchObject(["supabase", "mongodb", "atlas", "neon"].map((name) => ({ name })));
  expect(await operator("stats")).toMatch(/^contacts +3 +3 +3 +3 +-$/m);

  expect(await operator("databases drain neon")).toMatch("neon: no new users get it, weight 1, no limit, 3 users now.");
  expect((await signUp(3)).sort()).toEqual(["atlas", "mongodb", "supabase"]);
  await expectAllServed();
});

test("who is deleted leaves nothing in the database that was their home, whichever it is", async () => {
  const config = loadFunctionConfig(env);
  const service = serviceClient(config);
  const registry = createRegistry({
    config,
    service,
    collections: allCollections,
    deadlines: deadlinesOf(),
    appName: "test",
  });
  const purge = createPurgeEndpoint({
    keys: [control.secretKey],
    control: service,
    databases: [...registry.values()],
    maxTokenLifetimeSeconds: 3_600,
    clock: Date.now,
    log: createLog({ level: "silent" }),
  });
  const gone = ["atlas", "neon"].flatMap((home) => peopleAt(home).slice(0, 1));
  for (const { jwt } of gone) expect((await call(jwt, "DELETE", "/me")).status).toBe(204);
  const asked = new Request("http://purge", { method: "POST", headers: { apikey: control.secretKey } });
  // a task for each of the four, of each of the two
  expect(await (await purge(asked)).json()).toEqual({ purged: 8, failed: 0 });
  await closeAll(registry);

  const rows = await at(neon.dbUrl, (sql) => sql`select user_id from public.contacts`);
  expect(rows.map((row) => row.user_id).sort()).toEqual(
    peopleAt("neon")
      .filter((person) => !gone.includes(person))
      .map(({ id }) => id)
      .sort(),
  );
  expect(await operator("stats")).toMatch(/^contacts +4 +4 +3 +2 +-$/m);
});
