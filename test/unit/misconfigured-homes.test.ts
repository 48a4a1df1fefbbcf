/** Homes whose URL or credentials are wrong: their own users are told, the operator hears the fix, and nobody else notices. */
import { createServer } from "node:net";
import type { SupabaseClient } from "@supabase/supabase-js";
import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { type PrepareOutcome, prepareDatabases } from "../../shared/operations/prepare-databases.ts";
import { createBreaker } from "../../shared/placement/breaker.ts";
import { guardStore } from "../../shared/placement/guarded-store.ts";
import { createHealth } from "../../shared/placement/health.ts";
import { closeAll, createRegistry, type Registry } from "../../shared/placement/registry.ts";
import { failureOf, readRefusal } from "../../shared/postgres/direct/failures.ts";
import type { Database, Engine } from "../../shared/repository/database.ts";

const SECRET = "geheim";
const caller = { id: crypto.randomUUID(), jwt: "", home: "odd", homeEpoch: 1 };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function registryOf(kind: Engine, url: string): Registry {
  const registry = createRegistry({
    config: {
      SUPABASE_URL: "http://127.0.0.1:9",
      databases: [{ name: "odd", kind, url, variable: "DATABASE_ODD" }],
    },
    service: { rpc: async () => ({ data: null, error: null, status: 200 }) } as unknown as SupabaseClient,
    collections: Object.values(collections),
    deadlines: deadlinesOf(),
    appName: "test",
    schema: async () => ({ base: "", migrations: [] }),
  });
  closing.push(() => closeAll(registry));
  return registry;
}

/** What a user's call meets, behind the breaker; the breaker is not opened by any number of them. */
async function refusals(database: Database) {
  const breaker = createBreaker("odd", { debug() {}, info() {}, warn() {}, error() {} });
  const guard = { breaker, signal: AbortSignal.timeout(60_000), answers: async () => false, clock: Date.now };
  // a Postgres says who it is before its store is given, a MongoDB, too
  const store = guardStore(() => database.scoped(caller), guard);
  const errors = [];
  for (let call = 0; call < 6; call++) {
    const { cause, ...error } = (await store.get(collections.contacts, crypto.randomUUID()))._unsafeUnwrapErr();
    errors.push(error);
  }
  expect(breaker.isOpen()).toBe(false);
  return errors;
}

const URL_FAULT = /in which @ is written %40/;
const FILE_FAULT = /names a file, such as a certificate, that cannot be read here/;

test.each<[Engine, string, RegExp]>([
  ["mongodb", `mongodb://user:${SECRET}/pass@h/x`, URL_FAULT],
  ["mongodb", `mongodb://user:${SECRET}%zz@h/x`, URL_FAULT],
  ["mongodb", `mongodb://user:${SECRET}@h/x?noSuchOption=1`, URL_FAULT],
  ["mongodb", `mongodb://user:${SECRET}@h/x?readPreference=whatever`, URL_FAULT],
  ["mongodb", `mongodb://user:${SECRET}@h/x%zz`, URL_FAULT],
  ["mongodb", `mongodb://user:${SECRET}@127.0.0.1:9/x?tls=true&tlsCAFile=/no/such/file`, FILE_FAULT],
  ["postgres", `postgres://user:${SECRET}#1@h/x`, URL_FAULT],
  ["postgres", `postgres://user:${SECRET}@h:99999/x`, URL_FAULT],
  ["postgres", `postgres://user:${SECRET}@h/x?sslmode=verify-full&sslrootcert=/no/such/file`, FILE_FAULT],
])("%s, %s: misconfigured, and named without the secret", async (kind, url, fault) => {
  const registry = registryOf(kind, url);
  const database = registry.get("odd") as Database;
  for (const error of await refusals(database))
    expect(error).toMatchObject({
      kind: "unavailable",
      code: "misconfigured",
      message: expect.stringMatching(fault),
    });
  const health = await createHealth({ databases: [database], clock: Date.now })();
  expect(health.homes).toMatchObject([{ connected: false, error: expect.stringMatching(fault) }]);
  expect(await prepared(database)).toMatchObject({ reason: expect.stringMatching(fault), isAway: false });
  const purge = await database.system.purge(caller.id).catch((thrown: unknown) => thrown);
  expect(JSON.stringify([await refusals(database), health, purge]) + String(purge)).not.toMatch(SECRET);
});

async function prepared(database: Database): Promise<PrepareOutcome | undefined> {
  const rows = [{ name: "odd", kind: database.kind, site: 3, accepting: false, opened_at: null }];
  const control = { databases: async () => ({ isErr: () => false, value: rows }) } as never;
  return (await prepareDatabases(control, [database]))._unsafeUnwrap()[0];
}

/** A Postgres that refuses whoever connects, with that code. */
async function refusing(sqlstate: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlstate}\0Mrefused for ${SECRET}\0\0`);
      const length = Buffer.alloc(4);
      length.writeInt32BE(fields.length + 4);
      socket.end(Buffer.concat([Buffer.from("E"), length, fields]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return `postgres://user:${SECRET}@127.0.0.1:${(server.address() as { port: number }).port}/x`;
}

test.each([
  ["28P01", /refuses the user or password/, /refuses the key or password/],
  ["28000", /refuses the user or password/, /refuses the key or password/],
  ["3D000", /no database of the name/, /no database of the name/],
])("a Postgres that refuses who connects with %s: misconfigured", async (sqlstate, message, words) => {
  const database = registryOf("postgres", await refusing(sqlstate)).get("odd") as Database;
  for (const error of await refusals(database))
    expect(error).toMatchObject({ code: "misconfigured", message: expect.stringMatching(message) });
  const health = await createHealth({ databases: [database], clock: Date.now })();
  expect(health.homes).toMatchObject([{ connected: false, error: expect.stringMatching(words) }]);
  expect(await prepared(database)).toMatchObject({ reason: expect.stringMatching(words), isAway: true });
  expect(JSON.stringify(health)).not.toMatch(SECRET);
});

test.each([
  ["42501", /Take the role that owns the schema .* grant authenticated, service_role to <role>$/],
  ["42883", /supabase db push; for another: switchyard db prepare$/],
])("a Postgres that answers %s to who asks what it is: the role, or the schema", (code, message) => {
  const said = Object.assign(new pg.DatabaseError("as the server words it", 0, "error"), { code });
  expect(failureOf(said, readRefusal)).toMatchObject({
    code: "misconfigured",
    message: expect.stringMatching(message),
  });
});
