/**
 * Many sign-ups at once, in both orders that a real Auth server uses (replayed from its recorded statements), and
 * deletions among them. Each connection acts as supabase_auth_admin.
 */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { placementUsers } from "../integration/placement-users.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";

const CONNECTIONS = 50;
const SIGN_UPS = 1_000;

let database: OwnDatabase;
let auth: postgres.Sql;
const users = placementUsers(() => database);

beforeAll(async () => {
  database = await startOwnDatabase();
  await database.sql("grant all on all tables in schema auth to supabase_auth_admin");
  auth = postgres(database.adminUrl, {
    max: CONNECTIONS,
    onnotice: () => undefined,
    connection: { options: "-c role=supabase_auth_admin" },
  });
});
afterAll(async () => {
  await auth?.end();
  await database?.stop();
});
beforeEach(() => users.reset());

type Transaction = postgres.TransactionSql;
interface Issued {
  id: string;
  home: unknown;
}

async function insert(tx: Transaction, id: string): Promise<void> {
  await tx`insert into auth.users (id, aud, role, email, raw_app_meta_data, created_at, updated_at)
    values (${id}, 'authenticated', 'authenticated', ${`${id}@switchyard.test`}, '{}', now(), now())`;
  await tx`update auth.users set raw_app_meta_data = '{"provider":"email","providers":["email"]}' where id = ${id}`;
  await tx`update auth.users set email_confirmed_at = now() where id = ${id}`;
}

async function token(tx: Transaction, id: string): Promise<Issued> {
  await tx`update auth.users set last_sign_in_at = now() where id = ${id}`;
  await tx`set local statement_timeout = '2s'`;
  const event = JSON.stringify({ user_id: id, claims: { sub: id, app_metadata: {} }, authentication_method: "x" });
  const [row] = await tx`select public.custom_access_token_hook(${event}::text::jsonb) as answer`;
  return { id, home: row?.answer.claims.app_metadata.home };
}

/** Password: the sign-up commits, the token is issued in a transaction after it. */
async function byPassword(): Promise<Issued> {
  const id = randomUUID();
  await auth.begin((tx) => insert(tx, id));
  return auth.begin((tx) => token(tx, id)) as Promise<Issued>;
}

/** OAuth, id token, anonymous: one transaction. */
function byOauth(): Promise<Issued> {
  const id = randomUUID();
  return auth.begin(async (tx) => {
    await insert(tx, id);
    return token(tx, id);
  }) as Promise<Issued>;
}

test.each([
  ["password", () => byPassword],
  ["OAuth", () => byOauth],
  ["both", (index: number) => (index % 2 ? byPassword : byOauth)],
])(
  "1,000 sign-ups over 50 connections (%s): each token names the home, and homes differ by at most one",
  async (_, kind) => {
    const issued = await Promise.all(Array.from({ length: SIGN_UPS }, (__, index) => kind(index)()));
    const assigned = await database.sql<{ id: string; home: string }>(
      "select user_id as id, database_provider as home from public.user_database_assignments",
    );
    expect(assigned).toHaveLength(SIGN_UPS);
    const homes = new Map(assigned.map(({ id, home }) => [id, home]));
    // on a slow machine the lock may take longer than Auth waits: such a token goes without, and the next one names it
    const named = await Promise.all(
      issued.map((one) => (one.home === undefined ? (auth.begin((tx) => token(tx, one.id)) as Promise<Issued>) : one)),
    );
    expect(named.filter(({ id, home }) => home === undefined || home !== homes.get(id))).toEqual([]);
    const half = { counted: SIGN_UPS / 2, actual: SIGN_UPS / 2 };
    expect(await users.counts()).toEqual({ mongodb: half, supabase: half });
    expect(await database.sql("select 1 from auth.users")).toHaveLength(SIGN_UPS);
  },
);

test("sign-ups, deletions of every kind and late assignments at once leave counts that are true", async () => {
  const before = await Promise.all(Array.from({ length: 200 }, byPassword));
  const homeless: string[] = [];
  for (let made = 0; made < 60; made++) homeless.push(await users.insertHomeless());
  const ids = before.map(({ id }) => id);
  const work: (() => Promise<unknown>)[] = [];
  for (let index = 0; index < 60; index++) {
    const [soft, hard, both] = [ids[index], ids[60 + index], ids[120 + index]] as [string, string, string];
    work.push(byPassword, byOauth);
    work.push(() => auth`update auth.users set deleted_at = now() where id = ${soft}`);
    work.push(() => auth`delete from auth.users where id = ${hard}`);
    work.push(async () => {
      await auth`update auth.users set deleted_at = now() where id = ${both}`;
      await auth`delete from auth.users where id = ${both}`;
    });
  }
  // several users in one transaction, in one order and in the other
  work.push(() =>
    auth.begin(async (tx) => {
      for (const id of ids.slice(180, 190)) await tx`delete from auth.users where id = ${id}`;
      await insert(tx, randomUUID());
    }),
  );
  work.push(() => auth`delete from auth.users where id = any (${ids.slice(190)}::uuid[])`);
  for (let run = 0; run < 6; run++) work.push(() => database.sql("select public.switchyard_assign_missing(20)"));
  await Promise.all(work.map((each) => each()));
  for (let run = 0; run < 4; run++) await database.sql("select public.switchyard_assign_missing(1000)");

  const alive = await database.sql("select 1 from auth.users where deleted_at is null");
  expect(alive).toHaveLength(60 + 120 + 1);
  const counts = await users.counts();
  for (const { counted, actual } of Object.values(counts)) expect(counted).toBe(actual);
  expect(Object.values(counts).reduce((sum, { actual }) => sum + actual, 0)).toBe(alive.length);
  for (const id of homeless) expect(await users.homeOf(id)).toBeDefined();
});
