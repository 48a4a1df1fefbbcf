/** In front of a real Auth server (played here by a few lines) the gateway passes everything on and calls no hook. */
import { createServer, type Server } from "node:http";
import { SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HookServer, hookServer } from "./gateway-hook-server.ts";
import { type Own, ownSupabase } from "./gateway-own.ts";

let auth: Server;
let hook: HookServer;
let supabase: Own;

beforeAll(async () => {
  hook = await hookServer();
  auth = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const seen = { method: request.method, url: request.url, apikey: request.headers.apikey, body };
    response
      .writeHead(422, { "content-type": "application/json", "x-sb-error-code": "theirs" })
      .end(JSON.stringify(seen));
  });
  await new Promise<void>((resolve) => auth.listen(0, "127.0.0.1", resolve));
  const address = auth.address();
  const port = typeof address === "object" && address ? address.port : 0;
  supabase = await ownSupabase({ authUrl: `http://127.0.0.1:${port}`, hookUrl: hook.url });
});
afterAll(async () => {
  await supabase?.stop();
  await hook?.close();
  auth?.close();
});

test("path, query, headers, body, status and answer are theirs", async () => {
  const response = await fetch(`${supabase.url}/auth/v1/signup?redirect_to=x`, {
    method: "POST",
    headers: { apikey: supabase.publishableKey, "content-type": "application/json" },
    body: '{"email":"a@pass.test"}',
  });
  expect(response.status).toBe(422);
  expect(response.headers.get("x-sb-error-code")).toBe("theirs");
  expect(await response.json()).toEqual({
    method: "POST",
    url: "/signup?redirect_to=x",
    apikey: supabase.publishableKey,
    body: '{"email":"a@pass.test"}',
  });
  const keys = await fetch(`${supabase.url}/auth/v1/.well-known/jwks.json`);
  expect(await keys.json()).toMatchObject({ url: "/.well-known/jwks.json" });
  expect(hook.asked).toEqual([]);
});

test("REST takes the tokens that their server signs with the same secret", async () => {
  const token = await new SignJWT({ role: "authenticated" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(crypto.randomUUID())
    .setAudience("authenticated")
    .setExpirationTime("1m")
    .sign(new TextEncoder().encode(supabase.jwtSecret));
  const rows = await fetch(`${supabase.url}/rest/v1/expenses?select=id`, {
    headers: { apikey: supabase.publishableKey, authorization: `Bearer ${token}` },
  });
  expect({ status: rows.status, body: await rows.json() }).toEqual({ status: 200, body: [] });
});
