/** Both Auth hooks in front of lite: when they are asked, in which order, and what a client sees of their answers. */
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { allow, type HookServer, hookServer, json } from "./gateway-hook-server.ts";
import { address, claimsOf, type Own, ownSupabase, signUpRaw } from "./gateway-own.ts";

let hook: HookServer;
let supabase: Own;

beforeAll(async () => {
  hook = await hookServer();
  supabase = await ownSupabase({ hookUrl: hook.url });
});
afterAll(async () => {
  await supabase?.stop();
  await hook?.close();
});
beforeEach(() => hook.answer(allow));

const countOf = async (email: string) =>
  (await supabase.sql("select 1 from auth.users where email = $1", [email])).length;

describe("a sign-up", () => {
  test("asks the hook first, with a signature that verifies, and issues a token with the home", async () => {
    const email = address();
    let existedWhenAsked: Promise<number> | undefined;
    hook.answer((response, asked) => {
      existedWhenAsked = countOf(email);
      void existedWhenAsked.then(() => allow(response, asked));
    });
    const { data, error } = await supabase.browser().auth.signUp({ email, password: "correct horse" });
    expect(error).toBeNull();
    expect(await existedWhenAsked).toBe(0);
    const [asked] = hook.asked;
    const verified = new Webhook(supabase.hookSecret.replace("v1,whsec_", "")).verify(
      asked?.body ?? "",
      asked?.headers as Record<string, string>,
    );
    expect(verified).toMatchObject({
      metadata: { name: "before-user-created" },
      user: { email, aud: "authenticated", role: "authenticated", is_anonymous: false },
    });
    const claims = claimsOf(data.session?.access_token);
    expect(claims).toMatchObject({
      aud: "authenticated",
      sub: data.user?.id,
      email,
      phone: "",
      role: "authenticated",
      aal: "aal1",
      is_anonymous: false,
      iss: supabase.jwtIssuer,
      session_id: expect.any(String),
    });
    const [kinds] = await supabase.sql(
      "select jsonb_typeof(raw_app_meta_data) as app, jsonb_typeof(raw_user_meta_data) as own from auth.users where id = $1::uuid",
      [data.user?.id],
    );
    expect(kinds).toEqual({ app: "object", own: "object" });
    const [assignment] = await supabase.sql(
      "select database_provider, epoch from public.user_database_assignments where user_id = $1::uuid",
      [data.user?.id],
    );
    expect(claims.app_metadata).toMatchObject({
      home: assignment?.database_provider,
      home_epoch: assignment?.epoch,
    });
  });

  test("of an address that is there is 422, and the hook is not asked", async () => {
    const email = address();
    await signUpRaw(supabase, email);
    hook.answer(allow);
    const { status, body } = await signUpRaw(supabase, email.toUpperCase());
    expect({ status, code: body.error_code ?? body.code }).toEqual({ status: 422, code: "user_already_exists" });
    expect(hook.asked).toEqual([]);
  });

  test("does not ask the hook for a password that is too short", async () => {
    const { error } = await supabase.browser().auth.signUp({ email: address(), password: "abc" });
    expect(error?.code).toBe("weak_password");
    expect(hook.asked).toEqual([]);
  });
});

describe("what the hook answers", () => {
  const refusals: [string, Parameters<HookServer["answer"]>[0], number, Record<string, unknown>, number][] = [
    [
      "an error is passed on in its own words",
      (r) => json(r, 200, { error: { http_code: 503, message: "No database can take you now." } }),
      503,
      { msg: "No database can take you now." },
      1,
    ],
    ["503 is a bare 500", (r) => json(r, 503, {}), 500, { msg: "Service currently unavailable due to hook" }, 1],
    [
      "503 with retry-after is tried three times",
      (r) => json(r, 503, {}, { "retry-after": "true" }),
      500,
      { msg: "Service currently unavailable due to hook" },
      3,
    ],
    ["400 is a bare 500", (r) => json(r, 400, {}), 500, { msg: "Invalid payload sent to hook" }, 1],
    ["401 is a bare 500", (r) => json(r, 401, {}), 500, { msg: "Hook requires authorization token" }, 1],
    ["what is not JSON is 400", (r) => void r.writeHead(200, { "content-type": "text/plain" }).end("{}"), 400, {}, 1],
    ["a connection that breaks is 422", (r) => r.destroy(), 422, { error_code: "hook_timeout_after_retry" }, 3],
  ];
  test.each(refusals)("%s, and leaves no user", async (_, answer, status, body, tries) => {
    hook.answer(answer);
    const email = address();
    const seen = await signUpRaw(supabase, email);
    expect(seen.status).toBe(status);
    expect(seen.body).toMatchObject({ code: status, ...body });
    expect(hook.asked).toHaveLength(tries);
    expect(new Set(hook.asked.map((each) => each.headers["webhook-id"])).size).toBe(tries);
    expect(new Set(hook.asked.map((each) => JSON.parse(each.body).metadata.uuid)).size).toBe(1);
    expect(await countOf(email)).toBe(0);
  });

  test("nothing at all is 422 hook_timeout once Auth's time for it is over", async () => {
    hook.answer(() => undefined);
    const hurried = await ownSupabase({ hookUrl: hook.url, slowness: 0.0213 });
    onTestFinished(() => hurried.stop());
    const seen = await signUpRaw(hurried, address());
    expect(seen).toMatchObject({ status: 422, body: { error_code: "hook_timeout" } });
  });

  test("204 lets the sign-up pass, also after a 503 that asked for a retry", async () => {
    hook.answer((response) => {
      if (hook.asked.length === 1) json(response, 503, {}, { "retry-after": "true" });
      else response.writeHead(204).end();
    });
    expect((await signUpRaw(supabase, address())).status).toBe(200);
    expect(hook.asked).toHaveLength(2);
  });
});

describe("a session", () => {
  test("keeps the home through sign-in and refresh, without asking the hook", async () => {
    const email = address();
    const { data } = await supabase.browser().auth.signUp({ email, password: "correct horse" });
    const { home } = claimsOf(data.session?.access_token).app_metadata;
    expect(home).toBeTypeOf("string");
    hook.answer(allow);
    const client = supabase.browser();
    const signedIn = await client.auth.signInWithPassword({ email, password: "correct horse" });
    expect(claimsOf(signedIn.data.session?.access_token).app_metadata.home).toBe(home);
    const refreshed = await client.auth.refreshSession();
    expect(claimsOf(refreshed.data.session?.access_token).app_metadata.home).toBe(home);
    expect((await client.auth.getUser()).data.user?.email).toBe(email);
    expect(hook.asked).toEqual([]);
  });

  test("says when it began, however often it is refreshed", async () => {
    const client = supabase.browser();
    const { data } = await client.auth.signUp({ email: address(), password: "correct horse" });
    const first = claimsOf(data.session?.access_token);
    expect(first.amr).toEqual([{ method: "password", timestamp: expect.any(Number) }]);
    await supabase.sql("update auth.sessions set created_at = created_at - interval '1 day' where id::text = $1", [
      String(first.session_id),
    ]);
    const refreshed = claimsOf((await client.auth.refreshSession()).data.session?.access_token);
    const [was, is] = [first, refreshed].map(({ amr }) => (amr as { timestamp: number }[])[0]?.timestamp ?? 0);
    expect(Math.round(((was ?? 0) - (is ?? 0)) / 60)).toBe(1_440);
  });
});

describe("flows that are not here", () => {
  const call = (path: string, body: unknown, key: string) =>
    fetch(`${supabase.url}/auth/v1${path}`, {
      method: "POST",
      headers: { apikey: key, authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  test.each([
    ["anonymous sign-in", "/signup", { data: {} }],
    ["id token", "/token?grant_type=id_token", { provider: "google", id_token: "x" }],
    ["invite", "/invite", { email: "someone@gateway.test" }],
    ["a sign-up by phone", "/signup", { phone: "+15550100", password: "correct horse" }],
    ["a one-time password by phone", "/otp", { phone: "+15550100" }],
  ])("%s answers 501 and says what to do", async (_, path, body) => {
    const response = await call(path, body, supabase.secretKey);
    expect(response.status).toBe(501);
    expect(await response.json()).toMatchObject({ msg: expect.stringContaining("SUPABASE_AUTH_URL") });
  });
});
