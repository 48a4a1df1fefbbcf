/** The edge functions as Deno runs them, called by those who have no secret, and again and again by those who have. */
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { servers } from "../setup/servers.ts";
import { mintToken } from "../setup/users.ts";
import { pour } from "./endless-body.ts";

const addressOf = (name: string) => `${servers().supabaseUrl}/functions/v1/${name}`;
const BODY = JSON.stringify({
  metadata: { uuid: crypto.randomUUID(), name: "before-user-created" },
  user: { id: crypto.randomUUID(), email: "replayed@switchyard.test" },
});

const secretOf = (text: string) => `whsec_${Buffer.from(text.padEnd(32, ".")).toString("base64")}`;
function signed(
  body: string,
  { id = "msg_1", at = new Date(), secret = servers().hookSecret.replace("v1,", "") } = {},
) {
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, at, body),
  };
}
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);

async function call(name: string, headers: Record<string, string>, body: string | null = BODY, method = "POST") {
  const response = await fetch(addressOf(name), { method, headers, body });
  return { status: response.status, text: await response.text() };
}

describe("before-user-created", () => {
  test("answers a call that is repeated and replayed the same each time, and does nothing that adds up", async () => {
    const headers = signed(BODY);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("before-user-created", headers)));
    for (const { status, text } of answers) expect([status, text]).toEqual([200, "{}"]);
    const { data } = await fetch(`${servers().supabaseUrl}/auth/v1/admin/users?per_page=1000`, {
      headers: { apikey: servers().secretKey, authorization: `Bearer ${servers().secretKey}` },
    }).then(async (response) => ({ data: await response.text() }));
    expect(data).not.toContain("replayed@switchyard.test");
  });

  test.each<[string, () => Record<string, string>, string?]>([
    ["unsigned", () => ({ "content-type": "application/json" })],
    ["altered in one letter", () => signed(BODY), BODY.replace("replayed", "repleyed")],
    ["longer by a space", () => signed(BODY), `${BODY} `],
    ["cut short", () => signed(BODY), BODY.slice(0, -1)],
    ["without a body", () => signed(BODY), ""],
    ["six minutes old", () => signed(BODY, { at: ago(360) })],
    ["from six minutes ahead", () => signed(BODY, { at: ago(-360) })],
    [
      "old under a new time",
      () => ({ ...signed(BODY, { at: ago(360) }), "webhook-timestamp": signed("")["webhook-timestamp"] }),
    ],
    ["without its time", () => ({ ...signed(BODY), "webhook-timestamp": "" })],
    ["with a time that is none", () => ({ ...signed(BODY), "webhook-timestamp": "1e9" })],
    ["under another name", () => ({ ...signed(BODY), "webhook-id": "msg_2" })],
    ["without a name", () => ({ ...signed(BODY), "webhook-id": "" })],
    ["signed with another secret", () => signed(BODY, { secret: secretOf("guess") })],
    [
      "signed with the JWT secret",
      () => signed(BODY, { secret: `whsec_${Buffer.from(servers().jwtSecret).toString("base64")}` }),
    ],
    [
      "with the secret key instead",
      () => ({
        "content-type": "application/json",
        apikey: servers().secretKey,
        authorization: `Bearer ${servers().secretKey}`,
      }),
    ],
    ["with the hook's secret itself", () => ({ ...signed(BODY), "webhook-signature": servers().hookSecret })],
    ["with an empty signature", () => ({ ...signed(BODY), "webhook-signature": "v1," })],
    ["with a thousand signatures", () => ({ ...signed(BODY), "webhook-signature": "v1,AAAA ".repeat(1_000) })],
  ])("refuses what is %s", async (_, headers, body = BODY) => {
    expect((await call("before-user-created", headers(), body)).status).toBe(401);
  });

  test("refuses what is signed, and no JSON", async () => {
    for (const body of ["{", "\u0000", "[".repeat(50_000)])
      expect((await call("before-user-created", signed(body), body)).status).toBe(401);
  });

  test("refuses what is too large, even signed, and does not wait for its end", async () => {
    const large = JSON.stringify({ user: { x: "y".repeat(300_000) } });
    expect((await call("before-user-created", signed(large), large)).status).toBe(413);
    const { status, sent } = await pour(addressOf("before-user-created"), "POST", signed(BODY));
    expect(status).toBe(413);
    // the gateway in front takes 20 MB, and the sockets hold some more
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    expect((await call("before-user-created", signed(BODY))).status).toBe(200);
  });

  test("refuses other methods and media types", async () => {
    for (const method of ["GET", "PUT", "PATCH", "DELETE"])
      expect((await call("before-user-created", {}, method === "GET" ? null : BODY, method)).status).toBe(405);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
      expect((await call("before-user-created", { ...signed(BODY), "content-type": type })).status).toBe(415);
  });
});

describe("purge", () => {
  test("refuses everyone without a secret key", async () => {
    const { publishableKey, secretKey, jwtSecret, hookSecret } = servers();
    const jwt = await mintToken(servers(), { id: crypto.randomUUID(), email: "a@switchyard.test", home: "supabase" });
    const service = await mintToken(
      servers(),
      { id: crypto.randomUUID(), email: "a@switchyard.test" },
      { appMetadata: { role: "service_role" } },
    );
    for (const key of [
      "",
      " ",
      publishableKey,
      secretKey.slice(0, -1),
      `${secretKey}x`,
      secretKey.toUpperCase(),
      jwt,
      service,
      jwtSecret,
      hookSecret,
      "null",
      "undefined",
    ])
      for (const headers of [{ apikey: key }, { authorization: `Bearer ${key}` }])
        expect([key, (await call("purge", headers as Record<string, string>, "{}")).status]).toEqual([key, 401]);
    for (const more of [`?apikey=${secretKey}`, `/${secretKey}`])
      expect((await call(`purge${more}`, {}, "{}")).status).toBe(401);
    expect((await call("purge", signed("{}"), "{}")).status).toBe(401);
  });

  test("may be called again and again, with whatever body", async () => {
    const headers = { apikey: servers().secretKey };
    const bodies = ["{}", "", "{", '{"user_id":"x","limit":-1}', "x".repeat(500_000)];
    const answers = await Promise.all(bodies.map((body) => call("purge", headers, body)));
    for (const { status } of answers) expect(status).toBe(200);
    expect((await call("purge", headers, null, "GET")).status).toBe(405);
  });

  test("functions that are not there are not found, whatever the path", async () => {
    for (const name of [
      "nothing",
      "..%2f..%2fetc",
      "__proto__",
      "constructor",
      "%00",
      "shared",
      "before-user-created%00",
    ])
      expect([name, (await call(name, { apikey: servers().secretKey }, "{}")).status]).toEqual([name, 404]);
  });
});
