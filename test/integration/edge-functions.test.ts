/** Both edge functions as Deno runs them, behind the gateway of the run. */
import { createClient } from "@supabase/supabase-js";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { servers } from "../setup/servers.ts";

const call = (name: string, headers: Record<string, string>, body = "{}") =>
  fetch(`${servers().supabaseUrl}/functions/v1/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

describe("before-user-created", () => {
  const signed = (body: string, at = new Date()) => ({
    "webhook-id": "msg_1",
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(servers().hookSecret.replace("v1,", "")).sign("msg_1", at, body),
  });

  test("lets a sign-up go on, and reports both databases", async () => {
    const body = JSON.stringify({ user: {} });
    const response = await call("before-user-created", signed(body), body);
    expect([response.status, await response.json()]).toEqual([200, {}]);
    const service = createClient(servers().supabaseUrl, servers().secretKey, { auth: { persistSession: false } });
    const { data } = await service.rpc("switchyard_databases");
    expect(data).toMatchObject([
      { name: "mongodb", healthy: true },
      { name: "supabase", healthy: true },
    ]);
  });

  test("turns away what is not signed, or was signed long ago", async () => {
    const body = "{}";
    expect((await call("before-user-created", {}, body)).status).toBe(401);
    expect((await call("before-user-created", signed(body, new Date(Date.now() - 600_000)), body)).status).toBe(401);
    expect((await call("before-user-created", signed("other"), body)).status).toBe(401);
  });
});

describe("purge", () => {
  test("works for the secret key only", async () => {
    const { secretKey, publishableKey } = servers();
    const response = await call("purge", { apikey: secretKey });
    expect([response.status, await response.json()]).toEqual([
      200,
      { purged: expect.any(Number), failed: expect.any(Number) },
    ]);
    expect((await call("purge", { apikey: publishableKey })).status).toBe(401);
    expect((await call("purge", {})).status).toBe(401);
  });
});
