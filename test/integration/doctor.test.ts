/** `switchyard doctor`: a system that is well passes, each fault is found with its fix, and nothing is left behind. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { Cursors } from "../../scripts/dev/mongo-stand-in/cursors.ts";
import { Engine } from "../../scripts/dev/mongo-stand-in/engine.ts";
import { MongoError } from "../../scripts/dev/mongo-stand-in/errors.ts";
import { listen } from "../../scripts/dev/mongo-stand-in/server.ts";
import { Sessions } from "../../scripts/dev/mongo-stand-in/sessions.ts";
import type { Environment } from "../../shared/config.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import type { Finding } from "../../shared/operations/doctor/check.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { servers } from "../setup/servers.ts";

async function run(env: Environment, ...argv: string[]) {
  const said: string[] = [];
  const code = await runCommand(["doctor", ...argv], {
    env,
    out: (line) => said.push(line),
    err: (line) => said.push(line),
  });
  return { code, text: said.join("\n") };
}

async function examined(env: Environment, ...argv: string[]) {
  const { code, text } = await run(env, "--json", ...argv);
  const found = JSON.parse(text.slice(0, text.lastIndexOf("]") + 1)) as Finding[];
  const of = (name: string) => found.find((each) => each.name === name);
  const failed = found.filter(({ state }) => state === "failure").map(({ name }) => name);
  return { code, text, found, of, failed };
}

let own: OwnDatabase;
let mongoUri: string;
let env: Environment;

beforeAll(async () => {
  own = await startOwnDatabase();
  mongoUri = await preparedMongo("doctor");
  env = {
    ...PATIENT_VARIABLES,
    SUPABASE_URL: own.url,
    SUPABASE_SECRET_KEY: own.secretKey,
    SUPABASE_PUBLISHABLE_KEY: own.publishableKey,
    SUPABASE_JWT_SECRET: own.jwtSecret,
    SUPABASE_JWT_ISSUER: own.jwtIssuer,
    MONGODB_URI: mongoUri,
    SINGLE_INSTANCE: "1",
  };
});
afterAll(() => own?.stop());

/** As mongod answers that is no replica set. */
class Standalone extends Sessions {
  override run(): never {
    throw new MongoError(20, "Transaction numbers are only allowed on a replica set member or mongos");
  }
}

/** Of this system: its edge functions do not run. */
const HOOK = "hooks: before-user-created";

describe("a system that is well", () => {
  test("passes, as a table and for scripts", async () => {
    const run$ = servers();
    const whole = {
      ...env,
      SUPABASE_URL: run$.supabaseUrl,
      SUPABASE_SECRET_KEY: run$.secretKey,
      SUPABASE_PUBLISHABLE_KEY: run$.publishableKey,
      SUPABASE_JWT_SECRET: run$.jwtSecret,
      SUPABASE_JWT_ISSUER: run$.jwtIssuer,
      BEFORE_USER_CREATED_HOOK_SECRET: run$.hookSecret,
      MONGODB_URI: run$.mongoUri,
      ...(run$.dbUrl && { DATABASE_URL: run$.dbUrl }),
      ...(run$.redisUrl && { REDIS_URL: run$.redisUrl }),
    };
    const { code, found } = await examined(whole);
    expect(found.filter(({ state }) => state === "failure" || state === "skipped")).toEqual([]);
    expect(code).toBe(0);
    expect(found.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        ...["supabase: REST", "supabase: Auth", "databases: listed and open"],
        ...["supabase: migrations", "supabase: version", "supabase: tables and indexes"],
        ...["mongodb: connection", "mongodb: version", "mongodb: transactions", "mongodb: validators and indexes"],
        ...["redis: connection", "cache: a write is in the next read", "limits: count, and refuse"],
        ...[HOOK, "hooks: the token function's rights", "hooks: claims in a token"],
        ...["users: sign-up and home", "users: sign-in", "ledger: a deposit, undone", "api: sign-out ends a token"],
      ]),
    );
    const { text } = await run(whole);
    expect(text).toMatch(/^ok +supabase: REST +\d+ ms +answers, and takes the secret key$/m);
    expect(text).toMatch("12.34 EUR came in, were in the balance, and are not there any more");
  });

  test("is as it was: no user, no account, nothing in the books", async () => {
    const count = async () =>
      own.sql(`select (select count(*) from auth.users)::int as users, (select count(*) from public.ledger_accounts)::int as accounts,
        (select count(*) from public.ledger_transfers)::int as transfers, (select count(*) from public.ledger_history)::int as history,
        (select count(*) from public.user_database_assignments)::int as homes,
        (select sum(user_count) from switchyard.databases)::int as counted`);
    const before = await count();
    expect((await examined(env)).failed).toEqual([HOOK]);
    expect(await count()).toEqual(before);
  });
});

describe("Supabase", () => {
  test("a wrong key: where the right one is, and everything that needs it is skipped", async () => {
    const { code, of, failed } = await examined({ ...env, SUPABASE_SECRET_KEY: "sb_secret_wrong" });
    expect([code, failed]).toEqual([1, ["supabase: REST"]]);
    expect(of("supabase: REST")?.fix).toMatch("Set SUPABASE_SECRET_KEY to a secret key of this very project");
    expect(of("users: sign-in")).toMatchObject({ state: "skipped", says: 'because "users: sign-up and home" failed' });
    expect(of("mongodb: transactions")?.state).toBe("pass");
  });

  test("nobody at the address", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((closed) => server.close(closed));
    const { failed, of } = await examined({ ...env, SUPABASE_URL: `http://127.0.0.1:${port}` });
    expect(failed).toEqual(["supabase: REST"]);
    expect(of("supabase: REST")).toMatchObject({
      says: expect.stringMatching("refuses connections"),
      fix: expect.stringMatching("SUPABASE_URL"),
    });
  });

  test("a migration that has not run: which", async () => {
    const version = "20261121001500";
    await own.sql("delete from supabase_migrations.schema_migrations where version = $1", [version]);
    const { of, failed } = await examined(env);
    await own.sql("insert into supabase_migrations.schema_migrations (version) values ($1)", [version]);
    expect(failed).toEqual(["supabase: migrations", HOOK]);
    expect(of("supabase: migrations")).toMatchObject({
      says: "1 not applied, first 20261121001500_contacts",
      fix: "Migrate: npm run supabase -- db push",
    });
    await own.sql("alter function public.switchyard_inspect() rename to switchyard_inspect_gone");
    const older = await examined(env);
    await own.sql("alter function public.switchyard_inspect_gone() rename to switchyard_inspect");
    expect(older.of("supabase: migrations")).toMatchObject({
      state: "failure",
      says: expect.stringContaining("its migrations have not been applied"),
      fix: "Migrate: npm run supabase -- db push",
    });
    expect(older.of("users: sign-up and home")?.state).toBe("skipped");
  });

  test.each([
    [
      "an index",
      "drop index public.contacts_name_idx",
      "create index contacts_name_idx on public.contacts (user_id, name, created_at, id)",
      "contacts lacks the index contacts_name_idx",
    ],
    [
      "row-level security",
      "alter table public.contacts disable row level security",
      "alter table public.contacts enable row level security",
      "contacts has no row-level security",
    ],
    [
      "a trigger",
      "alter table public.contacts disable trigger switchyard_stamp",
      "alter table public.contacts enable always trigger switchyard_stamp",
      "contacts lacks the trigger (or it is disabled) switchyard_stamp",
    ],
    [
      "a column",
      "alter table public.contacts rename column note to notes",
      "alter table public.contacts rename column notes to note",
      "contacts lacks the column note",
    ],
  ])("%s that is gone", async (_, fault, mend, says) => {
    await own.sql(fault);
    const { of, failed } = await examined(env);
    await own.sql(mend);
    expect(failed).toEqual(["supabase: tables and indexes", HOOK]);
    expect(of("supabase: tables and indexes")).toMatchObject({
      says: expect.stringContaining(says),
      fix: expect.stringContaining("collection sql"),
    });
  });

  test("a database that is not listed, and one that has never been opened", async () => {
    const unlisted = await examined({ ...env, DATABASE_ATLAS: `${mongoUri}_other` });
    expect(unlisted.of("databases: listed and open")?.fix).toMatch("databases add atlas");
    await own.sql("update switchyard.databases set opened_at = null, accepting = false where name = 'mongodb'");
    const closed = await examined(env);
    await own.sql("update switchyard.databases set opened_at = now(), accepting = true where name = 'mongodb'");
    expect(closed.of("databases: listed and open")?.fix).toMatch("db prepare mongodb");
    const unset = await examined({ ...env, MONGODB_URI: "" });
    expect(unset.of("databases: listed and open")?.fix).toMatch("Set MONGODB_URI");
  });
});

describe("MongoDB", () => {
  test("stopped", async () => {
    const { of, failed } = await examined({
      ...env,
      MONGODB_URI: "mongodb://127.0.0.1:9/x",
      DATABASE_CONNECT_MS: "100",
    });
    expect(failed).toContain("mongodb: connection");
    expect(of("mongodb: connection")?.fix).toMatch("MONGODB_URI");
    expect(of("mongodb: validators and indexes")?.says).toBe('because "mongodb: connection" failed');
  });

  test("a standalone, which does no transactions", async () => {
    const engine = new Engine(":memory:");
    const sessions = new Standalone(engine, 1_000);
    const server = await listen({ engine, sessions, cursors: new Cursors() }, 0);
    const { of, failed } = await examined({ ...env, MONGODB_URI: `mongodb://127.0.0.1:${server.port}/x` });
    await server.close();
    sessions.close();
    engine.close();
    expect(failed).toEqual(["mongodb: transactions", "mongodb: validators and indexes", HOOK]);
    expect(of("mongodb: transactions")).toMatchObject({
      says: "is a standalone, which does no transactions",
      fix: expect.stringMatching("mongod --replSet rs0"),
    });
  });

  test("not prepared, and an index that is gone", async () => {
    const client = createMongoClient(mongoUri, { appName: "switchyard-test" });
    await client.db().collection("contacts").dropIndex("name_idx");
    const { of, failed } = await examined(env);
    await client
      .db()
      .collection("contacts")
      .createIndex({ "_id.user_id": 1, name: 1, created_at: 1, "_id.id": 1 }, { name: "name_idx" });

    expect(failed).toEqual(["mongodb: validators and indexes", HOOK]);
    expect(of("mongodb: validators and indexes")).toMatchObject({
      says: "contacts lacks the index name_idx",
      fix: expect.stringContaining("db prepare mongodb"),
    });
    expect((await examined(env)).failed).toEqual([HOOK]);
    const as = client.db().collection<{ _id: string }>("switchyard");
    await as.updateOne({ _id: "self" }, { $set: { name: "atlas" } });
    const other = await examined(env);
    await as.updateOne({ _id: "self" }, { $set: { name: "mongodb" } });
    await client.close();
    expect(other.of("mongodb: connection")?.says).toBe(
      'MONGODB_URI leads to another database, which calls itself "atlas"',
    );
    const empty = await examined({ ...env, MONGODB_URI: mongoUri.replace(/\/[^/]*$/, "/doctor_empty") });
    expect(empty.of("mongodb: validators and indexes")?.says).toMatch(/ is not there; .*; and \d+ more$/);
  });
});

describe("Auth's hooks", () => {
  test("a function that is not deployed", async () => {
    const { of } = await examined(env);
    expect(of(HOOK)).toMatchObject({
      state: "failure",
      fix: expect.stringContaining("functions deploy before-user-created"),
    });
  });

  test("a secret that is another", async () => {
    const { supabaseUrl: SUPABASE_URL, secretKey: SUPABASE_SECRET_KEY } = servers();
    const secret = `v1,whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    const other = await examined({
      ...env,
      SUPABASE_URL,
      SUPABASE_SECRET_KEY,
      BEFORE_USER_CREATED_HOOK_SECRET: secret,
    });
    expect(other.of(HOOK)).toMatchObject({ state: "failure", says: "it refuses the secret that is set here" });
    const none = await examined({ ...env, SUPABASE_URL, SUPABASE_SECRET_KEY });
    expect(none.of(HOOK)).toMatchObject({
      state: "warning",
      fix: expect.stringContaining("BEFORE_USER_CREATED_HOOK_SECRET"),
    });
  });

  test("the token function without rights", async () => {
    await own.sql("revoke execute on function public.custom_access_token_hook(jsonb) from supabase_auth_admin");
    const { of, failed } = await examined(env);
    await own.sql("grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin");
    expect(failed).toEqual([HOOK, "hooks: the token function's rights"]);
    expect(of("hooks: the token function's rights")?.fix).toMatch("grant execute on function");
    expect(of("users: sign-in")?.state).toBe("skipped");
  });

  test("a token function that says nothing, as when it is not enabled", async () => {
    const [made] = await own.sql<{ text: string }>(
      "select pg_get_functiondef('public.custom_access_token_hook(jsonb)'::regprocedure) as text",
    );
    await own.sql(`create or replace function public.custom_access_token_hook(event jsonb) returns jsonb language sql as $$
      select jsonb_build_object('claims', event -> 'claims') $$`);
    const { of, failed } = await examined(env);
    await own.sql(String(made?.text));
    expect(failed).toEqual([HOOK, "hooks: claims in a token"]);
    expect(of("hooks: claims in a token")?.fix).toMatch("enable Customize Access Token");
  });

  test("a trigger on auth.users that is disabled", async () => {
    await own.sql("alter table auth.users disable trigger switchyard_assign_home");
    const { of, failed } = await examined(env);
    await own.sql("alter table auth.users enable trigger switchyard_assign_home");
    expect(failed).toEqual([HOOK, "users: sign-up and home"]);
    expect(of("users: sign-up and home")?.fix).toMatch("enable trigger switchyard_assign_home");
  });
});

describe("what instances share", () => {
  test("a Redis that is down, and none", async () => {
    const down = await examined({ ...env, REDIS_URL: "redis://127.0.0.1:9" });
    expect(down.failed).toEqual(["redis: connection", HOOK]);
    expect(down.of("redis: connection")?.fix).toMatch("REDIS_URL");
    expect(down.of("limits: count, and refuse")?.state).toBe("skipped");
    const none = await examined({ ...env, SINGLE_INSTANCE: "" });
    expect(none.of("redis: connection")).toMatchObject({ state: "warning", fix: expect.stringContaining("REDIS_URL") });
    expect(none.failed).toEqual([HOOK]);
  });

  test("an API that goes on with a token that has ended", async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.method === "DELETE" ? 204 : 200;
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { of, failed } = await examined(env, `--api=http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
    expect(failed).toEqual([HOOK, "api: sign-out ends a token"]);
    expect(of("api: sign-out ends a token")).toMatchObject({
      says: expect.stringMatching("the other session's token then with 200"),
      fix: expect.stringContaining("REDIS_URL"),
    });
    const without = await examined({ ...env, SUPABASE_PUBLISHABLE_KEY: "" });
    expect(without.of("api: sign-out ends a token")).toMatchObject({
      state: "warning",
      fix: expect.stringContaining("--api="),
    });
    expect((await run(env, "--api=nonsense")).code).toBe(2);
  });
});

describe("the doctor's own users", () => {
  const users = () => own.sql("select id from auth.users where email like 'switchyard-doctor-%'");

  test("are gone when it is interrupted", async () => {
    const running = examined(env);
    while ((await users()).length === 0) await new Promise((done) => setImmediate(done));
    process.emit("SIGTERM");
    const { code, found } = await running;
    expect(code).toBe(1);
    expect(found.some(({ says }) => says === "because this was interrupted")).toBe(true);
    expect(await users()).toEqual([]);
  });

  test("left by one that was killed are deleted by the next, and nobody else's", async () => {
    const insert = (email: string, age: string) =>
      own.sql(
        `insert into auth.users (id, aud, role, email, created_at, updated_at)
         values (gen_random_uuid(), 'authenticated', 'authenticated', $1, now() - $2::interval, now())`,
        [email, age],
      );
    await insert("switchyard-doctor-old@doctor.invalid", "11 minutes");
    await insert("switchyard-doctor-young@doctor.invalid", "1 minute");
    await insert("somebody@doctor.invalid", "1 day");
    const { of } = await examined(env);
    expect(of("users: leftovers of the doctor's")?.says).toBe("1 deleted, of a run that was killed");
    const rows = await own.sql<{ email: string }>(
      "select email from auth.users where email like '%@doctor.invalid' order by 1",
    );
    expect(rows.map(({ email }) => email)).toEqual([
      "somebody@doctor.invalid",
      "switchyard-doctor-young@doctor.invalid",
    ]);
  });
});
