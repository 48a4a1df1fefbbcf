/** A ban, a sign-out and a deletion end access: at once over REST, and within 30 s on every instance of the API. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { serviceClient, userClient } from "../../shared/postgres/client.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { type Home, mintToken, newUser, type TestUser } from "../setup/users.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];
const PASSWORD = "correct horse battery staple";

let database: OwnDatabase;
let first: ApiInstance;
let second: ApiInstance;
/** what the instances take for the time; it only goes on */
let time = Date.now();

beforeAll(async () => {
  database = await startOwnDatabase();
  const options = { on: database, mongoUri: await preparedMongo("revocations"), clock: () => time };
  [first, second] = [await startApi(options), await startApi(options)];
});
afterAll(async () => {
  await first?.close();
  await second?.close();
  await database?.stop();
});

const anyone = () =>
  createClient(database.url, database.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
const admin = () => createClient(database.url, database.secretKey, { auth: { persistSession: false } }).auth.admin;
const signIn = async ({ email }: Pick<TestUser, "email">) => {
  const client = anyone();
  const { data, error } = await client.auth.signInWithPassword({ email, password: PASSWORD });
  if (error) throw error;
  return { client, jwt: data.session.access_token };
};
const ban = async ({ id }: Pick<TestUser, "id">, ban_duration: string) =>
  expect((await admin().updateUserById(id, { ban_duration })).error).toBeNull();

/** What each way of calling REST answers: an HTTP status, or the refusal that a function hands on. */
async function rest({ id }: Pick<TestUser, "id">, jwt: string) {
  const client = userClient({ SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey }, jwt);
  const row = () => ({ user_id: id, id: crypto.randomUUID(), name: "Bob" });
  const create = await client.rpc("records_create", {
    p_collection: "contacts",
    p_record: JSON.stringify(row()),
    p_columns: '["id"]',
  });
  return {
    select: (await client.from("contacts").select("id")).status,
    insert: (await client.from("contacts").insert(row())).status,
    update: (await client.from("contacts").update({ name: "Eve" }).eq("user_id", id)).status,
    delete: (await client.from("contacts").delete().eq("id", crypto.randomUUID())).status,
    create: create.error ? create.status : ((create.data as { error?: string }).error ?? "done"),
  };
}
const REFUSED = { select: 401, insert: 401, update: 401, delete: 401, create: "PT401" };
const DONE = { select: 200, insert: 201, update: 204, delete: 204, create: "done" };

const statusOf = async (api: ApiInstance, jwt: string, method = "GET") =>
  (
    await api.app.request("/api/contacts", {
      method,
      headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json" },
      ...(method === "POST" && { body: JSON.stringify({ name: "Bob" }) }),
    })
  ).status;
const everywhere = async (jwt: string) => {
  const statuses: number[] = [];
  for (const api of [first, second])
    for (const method of ["GET", "POST"]) statuses.push(await statusOf(api, jwt, method));
  return statuses;
};
const IN = [200, 201, 200, 201];
const OUT = [401, 401, 401, 401];

describe.each(HOMES)("at home in %s", (home) => {
  test("a ban ends every token within 30 s, and its end lets them in again", async () => {
    const user = await newUser({ home, on: database, signIn: true });
    expect(await everywhere(user.jwt)).toEqual(IN);
    await ban(user, "24h");
    time += 30_001;
    expect(await everywhere(user.jwt)).toEqual(OUT);
    await ban(user, "none");
    time += 30_001;
    expect(await everywhere(user.jwt)).toEqual(IN);
  });

  test("a global sign-out ends all sessions, and a sign-in of the same second begins one", async () => {
    const user = await newUser({ home, on: database, signIn: true });
    const other = await signIn(user);
    expect(await everywhere(user.jwt)).toEqual(IN);
    expect((await other.client.auth.signOut({ scope: "global" })).error).toBeNull();
    const again = await signIn(user);
    time += 30_001;
    expect(await everywhere(user.jwt)).toEqual(OUT);
    expect(await everywhere(other.jwt)).toEqual(OUT);
    expect(await everywhere(again.jwt)).toEqual(IN);
  });

  test("signing out of the others leaves this session", async () => {
    const user = await newUser({ home, on: database, signIn: true });
    const kept = await signIn(user);
    expect((await kept.client.auth.signOut({ scope: "others" })).error).toBeNull();
    time += 30_001;
    expect(await everywhere(user.jwt)).toEqual(OUT);
    expect(await everywhere(kept.jwt)).toEqual(IN);
  });

  test("ban, its end, sign-out and sign-in within one second leave the last session", async () => {
    const user = await newUser({ home, on: database, signIn: true });
    await ban(user, "1h");
    await ban(user, "none");
    const { client, jwt } = await signIn(user);
    await client.auth.signOut({ scope: "global" });
    const last = await signIn(user);
    time += 30_001;
    expect([await everywhere(user.jwt), await everywhere(jwt)]).toEqual([OUT, OUT]);
    expect(await everywhere(last.jwt)).toEqual(IN);
  });
});

describe("over REST", () => {
  test("a ban is at once, and so is its end", async () => {
    const user = await newUser({ home: "supabase", on: database, signIn: true });
    expect(await rest(user, user.jwt)).toEqual(DONE);
    await ban(user, "24h");
    expect(await rest(user, user.jwt)).toEqual(REFUSED);
    await ban(user, "none");
    expect(await rest(user, user.jwt)).toEqual(DONE);
  });

  test("a sign-out is at once, for its session alone", async () => {
    const user = await newUser({ home: "supabase", on: database, signIn: true });
    const other = await signIn(user);
    await other.client.auth.signOut({ scope: "local" });
    expect(await rest(user, other.jwt)).toEqual(REFUSED);
    expect(await rest(user, user.jwt)).toEqual(DONE);
  });

  test("tokens without a session end with the last one, if they are older", async () => {
    const user = await newUser({ home: "supabase", on: database, signIn: true });
    const { client } = await signIn(user);
    await client.auth.signOut({ scope: "global" });
    const now = Math.floor(Date.now() / 1_000);
    const without = (iat: number) => mintToken(database, user, { issuedAt: iat, sessionId: null });
    expect(await rest(user, await without(now - 60))).toEqual(REFUSED);
    expect(await rest(user, await without(now))).toEqual(DONE);
  });

  test("a deletion is at once", async () => {
    const user = await newUser({ home: "supabase", on: database, signIn: true });
    expect((await admin().deleteUser(user.id)).error).toBeNull();
    expect(await rest(user, user.jwt)).toEqual(REFUSED);
  });

  test("a pinned table is closed, too", async () => {
    const user = await newUser({ home: "supabase", on: database });
    const here = async () => {
      const claims = JSON.stringify({ sub: user.id, role: "authenticated" });
      await database.sql(`do $$ begin
        perform set_config('request.jwt.claims', '${claims}', true);
        perform set_config('request.jwt.claim.sub', '${user.id}', true);
        perform switchyard.is_here('supabase');
      end $$`);
    };
    await here();
    await ban(user, "24h");
    await expect(here()).rejects.toMatchObject({ code: "PT401" });
  });

  test("the list is nobody's to read or to write", async () => {
    const user = await newUser({ home: "supabase", on: database });
    for (const role of ["anon", "authenticated", "service_role"]) {
      const [granted] = await database.sql(
        "select has_table_privilege($1, 'switchyard.revocations', 'select, insert, update, delete') as some",
        [role],
      );
      expect([role, granted]).toEqual([role, { some: false }]);
    }
    const client = userClient(
      { SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey },
      user.jwt,
    );
    expect(
      (await client.rpc("switchyard_list_user_changes", { p_since: new Date(0).toISOString() })).error,
    ).not.toBeNull();
  });
});

describe("the list", () => {
  const assignments = () =>
    createAssignments(serviceClient({ SUPABASE_URL: database.url, SUPABASE_SECRET_KEY: database.secretKey }, {}));

  test("comes in pages, without a gap, and a reading begins where the last one could see", async () => {
    const ids = Array.from({ length: 1_203 }, () => crypto.randomUUID());
    await database.sql(
      "insert into switchyard.revocations (user_id, session_id, reason) select u, u, 'signed_out' from unnest($1::uuid[]) u",
      [ids],
    );
    const since = new Date(Date.now() - 60_000);
    const seen = new Set<string>();
    let at: { xid: string; id: number } | null = { xid: "0", id: 0 };
    let horizon = "";
    let pages = 0;
    while (at) {
      const page: Awaited<ReturnType<ReturnType<typeof createAssignments>["changesSince"]>> =
        await assignments().changesSince(since, at);
      const { revocations, next, horizon: h } = page._unsafeUnwrap();
      for (const { user_id } of revocations) seen.add(user_id);
      horizon ||= h;
      at = next;
      pages += 1;
    }
    expect(ids.filter((id) => !seen.has(id))).toEqual([]);
    expect(pages).toBeGreaterThan(1);
    const late = crypto.randomUUID();
    await database.sql("insert into switchyard.revocations (user_id, reason) values ($1, 'deleted')", [late]);
    const { revocations } = (await assignments().changesSince(since, { xid: horizon, id: 0 }))._unsafeUnwrap();
    expect(revocations.map(({ user_id }) => user_id)).toContain(late);
  });

  test("forgets what no token can be older than, and no ban that goes on", async () => {
    const [old, banned] = [crypto.randomUUID(), crypto.randomUUID()];
    await database.sql(
      `insert into switchyard.revocations (user_id, reason, until, changed_at)
       values ($1, 'deleted', null, now() - interval '8 days'), ($2, 'banned', now() + interval '1 day', now() - interval '8 days')`,
      [old, banned],
    );
    await database.sql("select public.switchyard_purge_trim()");
    const left = await database.sql("select user_id from switchyard.revocations where user_id in ($1, $2)", [
      old,
      banned,
    ]);
    expect(left).toEqual([{ user_id: banned }]);
  });
});

test("a deleted user who is there again is let in", async () => {
  const user = await newUser({ home: "supabase", on: database });
  await database.sql("update auth.users set deleted_at = now() where id = $1", [user.id]);
  time += 30_001;
  expect(await everywhere(user.jwt)).toEqual(OUT);
  await database.sql("update auth.users set deleted_at = null where id = $1", [user.id]);
  time += 30_001;
  expect((await everywhere(await mintToken(database, { ...user, home: "" }))).slice(0, 1)).toEqual([200]);
});
