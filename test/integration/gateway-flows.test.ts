/** One-time passwords, Google, and what triggers and a broken token function do to a sign-in. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { allow, type HookServer, hookServer, json } from "./gateway-hook-server.ts";
import { address, claimsOf, type Own, ownSupabase, signUpRaw } from "./gateway-own.ts";

const REFUSED = "trigger-refuses";
let hook: HookServer;
let supabase: Own;

beforeAll(async () => {
  hook = await hookServer();
  supabase = await ownSupabase({ hookUrl: hook.url, tokenHook: "public.gateway_test_token" });
  // what Switchyard's own trigger does when no database can take a user, for addresses of this file only
  await supabase.sql(`create or replace function public.gateway_test_refuses() returns trigger language plpgsql as $$
    begin raise exception 'No database can take this user.'; end $$`);
  await supabase.sql(`create constraint trigger gateway_test_refuses after insert on auth.users
    deferrable initially deferred for each row
    when (new.email like '${REFUSED}%') execute function public.gateway_test_refuses()`);
  await supabase.sql(`create or replace function public.gateway_test_token(event jsonb) returns jsonb
    language plpgsql as $$ begin
      if event -> 'claims' ->> 'email' like 'returns-null%' then return null; end if;
      if event -> 'claims' ->> 'email' like 'raises%' then raise exception 'broken'; end if;
      return public.custom_access_token_hook(event);
    end $$`);
  await supabase.sql("grant execute on function public.gateway_test_token(jsonb) to supabase_auth_admin");
});
afterAll(async () => {
  await supabase?.sql("drop function if exists public.gateway_test_token(jsonb)");
  await supabase?.sql("drop function if exists public.gateway_test_refuses() cascade");
  await supabase?.stop();
  await hook?.close();
});
beforeEach(() => hook.answer(allow));

const mailTo = async (email: string): Promise<string> => {
  const mails = (await (await fetch(`${supabase.url}/mail?to=${encodeURIComponent(email)}`)).json()) as {
    text: string;
  }[];
  return mails[0]?.text ?? "";
};

describe("another address", () => {
  test("counts once it is proven: the code goes there, and the old one's owner can prove nothing", async () => {
    const [old, fresh] = [address("old"), address("fresh")];
    const client = supabase.browser();
    await client.auth.signUp({ email: old, password: "correct horse" });
    const before = await mailTo(old);
    expect((await client.auth.updateUser({ email: fresh })).error).toBeNull();
    const stands = async () => (await supabase.sql("select 1 from auth.users where email = $1", [fresh])).length === 1;
    expect(await stands()).toBe(false);
    expect(await mailTo(old)).toBe(before);
    const [token = ""] = /\b\d{6}\b/.exec(await mailTo(fresh)) ?? [];
    const wrong = token === "111111" ? "222222" : "111111";
    for (const email of [old, fresh])
      expect((await client.auth.verifyOtp({ email, token: wrong, type: "email_change" })).error).not.toBeNull();
    expect(await stands()).toBe(false);
    const { data, error } = await client.auth.verifyOtp({ email: fresh, token, type: "email_change" });
    expect(error).toBeNull();
    expect(data.user?.email).toBe(fresh);
    expect(await stands()).toBe(true);
  });
});

describe("a one-time password", () => {
  test("for a new address asks the hook; its code gives a token with the home", async () => {
    const email = address("otp");
    const client = supabase.browser();
    expect((await client.auth.signInWithOtp({ email })).error).toBeNull();
    expect(hook.asked).toHaveLength(1);
    const [token = ""] = /\b\d{6}\b/.exec(await mailTo(email)) ?? [];
    const { data, error } = await client.auth.verifyOtp({ email, token, type: "email" });
    expect(error).toBeNull();
    expect(claimsOf(data.session?.access_token).app_metadata.home).toBeTypeOf("string");
    hook.answer(allow);
    await client.auth.signInWithOtp({ email });
    expect(hook.asked).toEqual([]);
  });

  test("that the hook refuses sends no mail and makes no user", async () => {
    hook.answer((response) => json(response, 200, { error: { http_code: 503, message: "Full." } }));
    const email = address("otp");
    const { error } = await supabase.browser().auth.signInWithOtp({ email });
    expect(error).toMatchObject({ status: 503, message: "Full." });
    expect(await mailTo(email)).toBe("");
    expect(await supabase.sql("select 1 from auth.users where email = $1", [email])).toEqual([]);
  });

  test("by link leads back with a token that has the home", async () => {
    const email = address("link");
    await supabase.browser().auth.signInWithOtp({ email });
    const [link = ""] = /http\S+/.exec(await mailTo(email)) ?? [];
    const response = await fetch(link, { redirect: "manual" });
    const landed = new URLSearchParams(new URL(response.headers.get("location") ?? "").hash.slice(1));
    expect(claimsOf(landed.get("access_token") ?? "").app_metadata.home).toBeTypeOf("string");
  });
});

/** As a browser goes: to Auth, to the page that plays Google, back to Auth, and to the application. */
async function throughGoogle(url: string, email: string): Promise<URL> {
  let at = new URL(url);
  for (let hops = 0; hops < 6; hops++) {
    const response = await fetch(at, { redirect: "manual" });
    const location = response.headers.get("location");
    if (!location) throw new Error(`${at.pathname} answered ${response.status} ${await response.text()}`);
    at = new URL(location, at);
    if (at.pathname === "/google/authorize") at.searchParams.set("login_hint", email);
    if (at.pathname === "/landed") return at;
  }
  throw new Error("too many redirects");
}

describe("Google", () => {
  const begin = async (email: string, client = supabase.browser()) => {
    const { data } = await client.auth.signInWithOAuth({
      provider: "google",
      options: { redirectTo: "http://127.0.0.1:9/landed", skipBrowserRedirect: true },
    });
    return throughGoogle(data.url ?? "", email);
  };

  test("asks the hook about a new address, then gives a token with the home; not at the next sign-in", async () => {
    const email = address("google");
    const landed = new URLSearchParams((await begin(email)).hash.slice(1));
    expect(hook.asked.map((each) => JSON.parse(each.body).user)).toMatchObject([
      { email, app_metadata: { provider: "google" } },
    ]);
    const claims = claimsOf(landed.get("access_token") ?? "");
    expect(claims).toMatchObject({ email, app_metadata: { provider: "google", home: expect.any(String) } });
    hook.answer(allow);
    const again = new URLSearchParams((await begin(email)).hash.slice(1));
    expect(claimsOf(again.get("access_token") ?? "").sub).toBe(claims.sub);
    expect(hook.asked).toEqual([]);
  });

  test("exchanges a code for a token with the home (PKCE), once", async () => {
    const client = supabase.browser("pkce");
    const landed = await begin(address("google"), client);
    const code = landed.searchParams.get("code") ?? "";
    const { data, error } = await client.auth.exchangeCodeForSession(code);
    expect(error).toBeNull();
    expect(claimsOf(data.session?.access_token).app_metadata.home).toBeTypeOf("string");
    expect((await client.auth.exchangeCodeForSession(code)).error).not.toBeNull();
  });

  test("leads back with the hook's words when it refuses", async () => {
    hook.answer((response) => json(response, 200, { error: { http_code: 503, message: "Full." } }));
    const email = address("google");
    const landed = await begin(email);
    expect(Object.fromEntries(landed.searchParams)).toMatchObject({
      error: "temporarily_unavailable",
      error_description: "Full.",
    });
    expect(await supabase.sql("select 1 from auth.users where email = $1", [email])).toEqual([]);
  });
});

describe("a trigger that raises at commit", () => {
  test("is a 500 without its message, and leaves no user", async () => {
    const email = address(REFUSED);
    const { status, body } = await signUpRaw(supabase, email);
    expect(status).toBe(500);
    expect(body).toEqual({
      code: 500,
      error_code: "unexpected_failure",
      msg: "Unexpected failure, please check server logs",
    });
    expect(await supabase.sql("select 1 from auth.users where email = $1", [email])).toEqual([]);
  });

  test("reaches an admin in its own words", async () => {
    const email = address(REFUSED);
    const response = await fetch(`${supabase.url}/auth/v1/admin/users`, {
      method: "POST",
      headers: { apikey: supabase.secretKey, "content-type": "application/json" },
      body: JSON.stringify({ email, password: "correct horse" }),
    });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ code: "P0001", message: "No database can take this user." });
    expect(await supabase.sql("select 1 from auth.users where email = $1", [email])).toEqual([]);
  });
});

describe("a token function that fails", () => {
  test.each(["returns-null", "raises"])("(it %s) makes the sign-up 500, whose user is there by then", async (how) => {
    const email = address(how);
    const { status, body } = await signUpRaw(supabase, email);
    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 500, error_code: "unexpected_failure" });
    expect(await supabase.sql("select 1 from auth.users where email = $1", [email])).toHaveLength(1);
    const signedIn = await supabase.browser().auth.signInWithPassword({ email, password: "correct horse" });
    expect(signedIn.error).toMatchObject({ status: 500 });
  });
});
