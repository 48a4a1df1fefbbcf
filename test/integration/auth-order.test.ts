/** The token function, and the order of a real Auth server's statements, as recorded (../servers runs it with many at once). */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { placementUsers } from "./placement-users.ts";

let database: OwnDatabase;
const users = placementUsers(() => database);

beforeAll(async () => {
  database = await startOwnDatabase();
  await database.sql("create table public.test_tokens (user_id uuid, answer jsonb)");
});
afterAll(() => database?.stop());
beforeEach(() => users.reset());

type Answer = { claims: Record<string, unknown> & { app_metadata: Record<string, unknown> } } | null;
const token = async (event: string | null) =>
  (
    await database.sql<{ answer: Answer }>("select public.custom_access_token_hook($1::text::jsonb) as answer", [event])
  )[0]?.answer;
const eventOf = (userId: string, claims: object = {}) =>
  JSON.stringify({ user_id: userId, claims: { sub: userId, ...claims }, authentication_method: "password" });

/** OAuth, id-token and anonymous sign-ups: all in one transaction, in Auth's order, if not in its 2 s. */
const inOneTransaction = (id: string, columns = "", values = "") =>
  database.sql(`do $$ begin
    insert into auth.users (id, aud, role, email ${columns})
      values ('${id}', 'authenticated', 'authenticated', '${id}@switchyard.test' ${values});
    update auth.users set raw_app_meta_data = '{"provider":"google"}' where id = '${id}';
    update auth.users set email_confirmed_at = now(), last_sign_in_at = now() where id = '${id}';
    set local statement_timeout = '${HANGS_MS}ms';
    insert into public.test_tokens select '${id}', public.custom_access_token_hook('${eventOf(id)}');
  end $$`);
const issued = async (id: string) =>
  (await database.sql<{ answer: Answer }>("select answer from public.test_tokens where user_id = $1::uuid", [id]))[0]
    ?.answer?.claims.app_metadata;

describe("a token", () => {
  test("in a transaction after the sign-up's carries the home, its epoch, and whether the address is confirmed", async () => {
    const id = await users.insert();
    expect((await token(eventOf(id)))?.claims).toEqual({
      sub: id,
      app_metadata: { home: "mongodb", home_epoch: 1, email_confirmed: true },
    });
  });

  test.each([
    ["OAuth and id-token", "", ""],
    ["anonymous", ", is_anonymous", ", true"],
    ["invite", ", invited_at", ", now()"],
  ])("of an %s sign-up, asked for before it commits, does too", async (_, columns, values) => {
    const ids = [randomUUID(), randomUUID()];
    for (const id of ids) await inOneTransaction(id, columns, values);
    for (const id of ids) expect(await issued(id)).toMatchObject({ home: await users.homeOf(id), home_epoch: 1 });
    expect(await users.counts()).toEqual({ mongodb: { counted: 1, actual: 1 }, supabase: { counted: 1, actual: 1 } });
  });

  test("is refused with the whole sign-up when no database can take the user", async () => {
    await database.sql("update switchyard.databases set accepting = false");
    const id = randomUUID();
    await expect(inOneTransaction(id)).rejects.toThrow("No database can take new users");
    expect(await users.userExists(id)).toBe(false);
    expect(await issued(id)).toBeUndefined();
  });

  test("keeps all other claims as they are", async () => {
    const id = await users.insert();
    const claims = {
      aud: ["authenticated"],
      exp: 2_000_000_000,
      iat: 1_999_999_999,
      email: "Ä@switchyard.test",
      phone: "",
      role: "authenticated",
      aal: "aal1",
      session_id: randomUUID(),
      is_anonymous: false,
      amr: [{ method: "password", timestamp: 1 }],
      user_metadata: { deep: [{ er: null }], big: 12345678901234567890n.toString() },
      app_metadata: { provider: "email", providers: ["email"], role: "admin" },
    };
    const answer = await token(eventOf(id, claims));
    expect(answer).toEqual({
      claims: {
        ...claims,
        sub: id,
        app_metadata: { ...claims.app_metadata, home: "mongodb", home_epoch: 1, email_confirmed: true },
      },
    });
  });

  test("of a user without a home, or one that is gone, claims none, whatever stood there", async () => {
    const forged = { app_metadata: { home: "supabase", home_epoch: 7, email_confirmed: true, role: "user" } };
    const homeless = await users.insertHomeless();
    expect((await token(eventOf(homeless, forged)))?.claims.app_metadata).toEqual({
      role: "user",
      email_confirmed: true,
    });
    expect((await token(eventOf(randomUUID(), forged)))?.claims.app_metadata).toEqual({
      role: "user",
      email_confirmed: false,
    });
  });

  test("does not believe an address that auth.users does not", async () => {
    const id = await users.insert();
    await database.sql("update auth.users set email_confirmed_at = null where id = $1::uuid", [id]);
    const answer = await token(eventOf(id, { user_metadata: { email_verified: true } }));
    expect(answer?.claims.app_metadata.email_confirmed).toBe(false);
  });

  test("does not believe an address that an identity provider has given", async () => {
    const id = await users.insert();
    await database.sql("update auth.users set email_confirmed_at = now() where id = $1::uuid", [id]);
    const confirmed = async () => (await token(eventOf(id)))?.claims.app_metadata.email_confirmed;
    expect(await confirmed()).toBe(true);
    await database.sql("update auth.users set is_sso_user = true where id = $1::uuid", [id]);
    expect(await confirmed()).toBe(false);
  });
});

describe("the token function never raises and never answers null", () => {
  const id = randomUUID();
  const deep = `${"[".repeat(2_000)}${"]".repeat(2_000)}`;
  test.each<[string, string | null]>([
    ["null", null],
    ["JSON null", "null"],
    ["an array", "[]"],
    ["a number", "1"],
    ["a string", '"x"'],
    ["nothing", "{}"],
    ["no user", '{"claims":{}}'],
    ["claims null", `{"user_id":"${id}","claims":null}`],
    ["claims a list", `{"user_id":"${id}","claims":[1]}`],
    ["metadata null", `{"user_id":"${id}","claims":{"app_metadata":null}}`],
    ["metadata a string", `{"user_id":"${id}","claims":{"app_metadata":"x"}}`],
    ["a user that is no UUID", '{"user_id":"1 or 1=1","claims":{}}'],
    ["a user that is an object", '{"user_id":{"a":1},"claims":{}}'],
    ["a user that is null", '{"user_id":null,"claims":{"sub":"x"}}'],
    ["much", JSON.stringify({ user_id: id, claims: { x: "y".repeat(2_000_000) } })],
    ["depth", `{"user_id":"${id}","claims":{"x":${deep}}}`],
  ])("given %s", async (_, event) => {
    const answer = await token(event);
    expect(answer?.claims).toBeTypeOf("object");
    expect(answer?.claims.app_metadata).toEqual({ email_confirmed: false });
  });
});
