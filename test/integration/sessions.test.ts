/** Where a user is signed in, and signing out: refused by each instance at the next request, and by REST. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { userClient } from "../../shared/postgres/client.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];
const PASSWORD = "correct horse battery staple";
const FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

let database: OwnDatabase;
let first: ApiInstance;
let second: ApiInstance;

beforeAll(async () => {
  database = await startOwnDatabase();
  const options = { on: database, mongoUri: await preparedMongo("sessions") };
  const more = { CLIENT_ADDRESS_HEADER: "x-real-ip" };
  [first, second] = [await startApi({ ...options, more }), await startApi({ ...options, more })];
});
afterAll(async () => {
  await first?.close();
  await second?.close();
  await database?.stop();
});

/** A session, with its token and its id. */
async function signIn({ email }: Pick<TestUser, "email">) {
  const client = createClient(database.url, database.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  const { data, error } = await client.auth.signInWithPassword({ email, password: PASSWORD });
  if (error) throw error;
  const { access_token: jwt } = data.session;
  const { session_id: id } = JSON.parse(atob(jwt.split(".")[1] as string)) as { session_id: string };
  return { client, jwt, id };
}

const call = (api: ApiInstance, jwt: string, path: string, method = "GET", headers: Record<string, string> = {}) =>
  api.app.request(`/api${path}`, {
    method,
    headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json", ...headers },
    ...(method === "POST" && { body: JSON.stringify({ name: "Bob" }) }),
  });
/** Reads and writes, on both instances. */
async function everywhere(jwt: string) {
  const statuses: number[] = [];
  for (const api of [first, second])
    for (const method of ["GET", "POST"]) statuses.push((await call(api, jwt, "/contacts", method)).status);
  return statuses;
}
const IN = [200, 201, 200, 201];
const OUT = [401, 401, 401, 401];

interface Shown {
  id: string;
  is_current: boolean;
  device: string | null;
  address: string | null;
}
const sessionsOf = async (jwt: string, api = first) => {
  const answer = await call(api, jwt, "/sessions");
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { items: Shown[] }).items;
};

describe.each(HOMES)("at home in %s", (home) => {
  test("signing out of one session is refused everywhere at the next request, and its row is gone", async () => {
    const user = await newUser({ home, on: database, signIn: true });
    const [kept, other] = [await signIn(user), await signIn(user)];
    for (const { jwt } of [kept, other]) expect(await everywhere(jwt)).toEqual(IN);
    expect((await call(first, kept.jwt, `/sessions/${other.id}`, "DELETE")).status).toBe(204);
    expect(await everywhere(other.jwt)).toEqual(OUT);
    expect(await everywhere(kept.jwt)).toEqual(IN);
    expect(await database.sql("select id from auth.sessions where id = $1", [other.id])).toEqual([]);
    expect((await other.client.auth.refreshSession()).error).not.toBeNull();
    // whoever has not heard the answer asks again
    expect((await call(second, kept.jwt, `/sessions/${other.id}`, "DELETE")).status).toBe(204);
  });

  test("signing out of all others leaves this one", async () => {
    const user = await newUser({ home, on: database, signIn: true });
    const [kept, other] = [await signIn(user), await signIn(user)];
    expect(await everywhere(other.jwt)).toEqual(IN);
    expect((await call(second, kept.jwt, "/sessions", "DELETE")).status).toBe(204);
    for (const { jwt } of [user, other]) expect(await everywhere(jwt)).toEqual(OUT);
    expect(await everywhere(kept.jwt)).toEqual(IN);
    expect(await sessionsOf(kept.jwt)).toMatchObject([{ id: kept.id, is_current: true }]);
  });
});

/** A policy asks nobody about a table that has nothing of the user's. */
async function keepMoney(userId: string): Promise<void> {
  const [opened] = await database.sql("select public.ledger_open_account($1, 'EUR') -> 'account' ->> 'id' as id", [
    userId,
  ]);
  await database.sql("select public.ledger_deposit(null, gen_random_uuid(), $1, '1')", [String(opened?.id)]);
  await database.sql("select public.private_profile_set_wallet($1, 'x')", [userId]);
}

test.each([
  ["contacts", "id"],
  ["user_database_assignments", "user_id"],
  ["ledger_accounts", "id"],
  ["ledger_transfers", "id"],
  ["ledger_entries", "transfer_id"],
  ["private_profiles", "user_id"],
])("Supabase's REST refuses at once, too: %s", async (table, column) => {
  const user = await newUser({ home: "supabase", on: database, signIn: true });
  const [kept, other] = [await signIn(user), await signIn(user)];
  const rest = async (jwt: string) =>
    (
      await userClient({ SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey }, jwt)
        .from(table)
        .select(column)
        .limit(1)
    ).status;
  await keepMoney(user.id);
  expect(await rest(other.jwt)).toBe(200);
  await call(first, kept.jwt, `/sessions/${other.id}`, "DELETE");
  expect([await rest(other.jwt), await rest(kept.jwt)]).toEqual([401, 200]);
});

test("the list says device, address and last use, which is written once a minute", async () => {
  const user = await newUser({ home: "mongodb", on: database, signIn: true });
  const { jwt, id } = await signIn(user);
  await call(first, jwt, "/contacts", "GET", { "user-agent": FIREFOX, "x-real-ip": "2001:db8::7" });
  const own = async () => (await sessionsOf(jwt)).find((session) => session.id === id);
  await expect
    .poll(own, { timeout: 60_000 })
    .toMatchObject({ is_current: true, device: "Firefox on Windows", address: "2001:db8::7" });
  await call(second, jwt, "/contacts", "GET", { "user-agent": "other", "x-real-ip": "192.0.2.1" });
  await database.sql("select public.switchyard_session_used($1, $2, '192.0.2.1', 'other')", [user.id, id]);
  expect(await own()).toMatchObject({ device: "Firefox on Windows" });
  await database.sql("update switchyard.session_uses set used_at = now() - interval '61 s' where session_id = $1", [
    id,
  ]);
  await database.sql("select public.switchyard_session_used($1, $2, 'no address', 'curl/8')", [user.id, id]);
  expect(await own()).toMatchObject({ device: "curl/8" });
});

test("nobody ends, sees or learns of another's session", async () => {
  const [ann, bob] = [
    await newUser({ home: "supabase", on: database, signIn: true }),
    await newUser({ home: "mongodb", on: database, signIn: true }),
  ];
  const [hers, his] = [await signIn(ann), await signIn(bob)];
  const refused = await call(first, his.jwt, `/sessions/${hers.id}`, "DELETE");
  const unknown = await call(first, his.jwt, `/sessions/${crypto.randomUUID()}`, "DELETE");
  expect([refused.status, unknown.status]).toEqual([404, 404]);
  expect(await refused.json()).toEqual(await unknown.json());
  expect((await sessionsOf(his.jwt)).map(({ id }) => id)).not.toContain(hers.id);
  expect(await everywhere(hers.jwt)).toEqual(IN);
  const client = userClient({ SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey }, his.jwt);
  for (const [name, parameters] of [
    ["switchyard_list_sessions", { p_user_id: ann.id }],
    ["switchyard_end_sessions", { p_user_id: ann.id, p_session_id: hers.id, p_keep: null }],
  ] as const)
    expect((await client.rpc(name, parameters)).error).not.toBeNull();
});
