/** Access tokens: what is accepted, and every way in that is not one. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { ok } from "neverthrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memoryApi, token } from "./api-memory.ts";

const ask = async (api: ReturnType<typeof memoryApi>, jwt: string) => {
  const response = await api.app.request("/api/expenses/count", { headers: { authorization: `Bearer ${jwt}` } });
  return { status: response.status, headers: response.headers, problem: (await response.json()) as { code: string } };
};
const now = () => Math.floor(Date.now() / 1_000);

describe("with a shared secret", () => {
  const api = memoryApi();

  test.each([
    ["as Auth signs them", {}],
    ["with a list of audiences", { aud: ["authenticated"] }],
    ["without metadata", { app_metadata: undefined }],
    ["with an unknown home in the metadata", { app_metadata: { home: "mars" } }],
  ])("tokens are accepted %s", async (_, claims) => {
    expect((await ask(api, await token(claims))).status).toBe(200);
  });

  test.each([
    ["expired", { exp: now() - 1 }],
    ["without a beginning", { iat: undefined }],
    ["longer than MAX_TOKEN_LIFETIME_SECONDS alive", { exp: now() + 3_602 }],
    ["without an end", { exp: undefined }],
    ["not valid yet", { nbf: now() + 60 }],
    ["of another issuer", { iss: "https://evil.example/auth/v1" }],
    ["without an issuer", { iss: undefined }],
    ["for another audience", { aud: "anon" }],
    ["for a list of other audiences", { aud: ["anon", "service"] }],
    ["without an audience", { aud: undefined }],
    ["of the service role", { role: "service_role" }],
    ["of nobody's role", { role: "anon" }],
    ["without a role", { role: undefined }],
    ["without a subject", { sub: undefined }],
    ["whose subject is no UUID", { sub: "1 or 1=1" }],
  ])("tokens are refused that are %s", async (_, claims) => {
    const { status, headers, problem } = await ask(api, await token(claims));
    expect([status, problem.code]).toEqual([401, "unauthorized"]);
    expect(headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
  });

  test("another secret, another length of HMAC, no signature and no algorithm are refused", async () => {
    const unsigned = new UnsecuredJWT({ role: "authenticated" })
      .setSubject("11111111-1111-4111-8111-111111111111")
      .setIssuer("http://127.0.0.1:9/auth/v1")
      .setAudience("authenticated")
      .setIssuedAt()
      .setExpirationTime("1h")
      .encode();
    const good = await token();
    const tokens = [
      await token({}, "another secret of more than 32 characters"),
      await token({}, undefined, "HS512"),
      unsigned,
      good.slice(0, good.lastIndexOf(".") + 1),
      `${btoa('{"alg":"none"}').replaceAll("=", "")}.${good.split(".")[1]}.${good.split(".")[2]}`,
      "x.y.z",
      "eyJ.eyJ.x",
    ];
    for (const each of tokens) expect((await ask(api, each)).status, each).toBe(401);
  });

  test("no token, another scheme and a token in the query are asked for one", async () => {
    const jwt = await token();
    for (const [path, authorization] of [
      ["/api/expenses", undefined],
      ["/api/expenses", `Basic ${jwt}`],
      ["/api/expenses", jwt],
      [`/api/expenses?access_token=${jwt}`, undefined],
    ] as const) {
      const response = await api.app.request(path, { headers: authorization ? { authorization } : {} });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    }
  });

  test("one that lives too long is told which setting says so, and the setting moves it", async () => {
    const jwt = await token({ exp: now() + 7_200 });
    const answer = await api.app.request("/api/me", { headers: { authorization: `Bearer ${jwt}` } });
    expect(((await answer.json()) as { detail: string }).detail).toMatch(/MAX_TOKEN_LIFETIME_SECONDS allows \(3600\)/);
    expect((await ask(memoryApi({ environment: { MAX_TOKEN_LIFETIME_SECONDS: "7200" } }), jwt)).status).toBe(200);
  });

  test("where it cannot be known whether a session has ended, it reads and does not write", async () => {
    const blind = memoryApi({ router: { standingOf: async () => "unknown" } });
    const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
    expect((await blind.app.request("/api/expenses/count", { headers })).status).toBe(200);
    const body = JSON.stringify({ amount: "1", currency: "EUR", date: "2026-01-01" });
    const write = await blind.app.request("/api/expenses", { method: "POST", headers, body });
    expect([write.status, write.headers.get("retry-after")]).toEqual([503, "30"]);
  });

  test("deleting the account wants a sign-in of the last ten minutes, and a refresh is none", async () => {
    const deleted: string[] = [];
    const own = memoryApi({
      router: {
        // nothing is in the ledger
        control: async () => ok(undefined) as never,
        deleteUser: async (id) => {
          deleted.push(id);
          return ok(undefined);
        },
      },
    });
    const remove = async (amr: unknown) => {
      const headers = { authorization: `Bearer ${await token({ amr })}` };
      const response = await own.app.request("/api/me", { method: "DELETE", headers });
      return response.status === 204 ? 204 : ((await response.json()) as { code: string }).code;
    };
    for (const old of [
      undefined,
      "password",
      [],
      [{ method: "password", timestamp: now() - 601 }],
      [
        { method: "password", timestamp: now() - 601 },
        { method: "token_refresh", timestamp: now() },
      ],
    ])
      expect(await remove(old)).toBe("fresh_sign_in_required");
    expect(deleted).toEqual([]);
    expect(await remove([{ method: "password", timestamp: now() - 590 }])).toBe(204);
    expect(
      await remove([
        { method: "password", timestamp: now() - 6_000 },
        { method: "totp", timestamp: now() },
      ]),
    ).toBe(204);
  });

  test("deleted users' tokens are refused", async () => {
    const gone = memoryApi({ router: { standingOf: async () => "deleted" } });
    expect((await ask(gone, await token())).status).toBe(401);
  });

  test("the database acts with the user's own token, home and epoch", async () => {
    const own = memoryApi();
    const jwt = await token();
    await ask(own, jwt);
    expect(own.users[0]).toMatchObject({
      id: "11111111-1111-4111-8111-111111111111",
      jwt,
      home: "mongodb",
      homeEpoch: 1,
    });
  });
});

describe("admins", () => {
  const stats = { totalUsers: 1 };
  const api = memoryApi({ router: { getDatabaseStats: async () => stats as never } });
  const status = async (claims: object) => {
    const headers = { authorization: `Bearer ${await token({ ...claims })}` };
    return (await api.app.request("/api/admin/database-stats", { headers })).status;
  };

  test("are named by their metadata, or by a confirmed address, in any case of letters", async () => {
    expect(await status({ app_metadata: { role: "admin" } })).toBe(200);
    expect(await status({ email: "rOOt@example.com", app_metadata: { email_confirmed: true } })).toBe(200);
  });

  test("are named by their id, whatever their address", async () => {
    const named = memoryApi({
      environment: { ADMIN_EMAILS: undefined, ADMIN_USER_IDS: "11111111-1111-4111-8111-11111111111A" },
      router: { getDatabaseStats: async () => stats as never },
    });
    const ask = async (sub: string) => {
      const headers = { authorization: `Bearer ${await token({ sub, email: "" })}` };
      return (await named.app.request("/api/admin/database-stats", { headers })).status;
    };
    expect(await ask("11111111-1111-4111-8111-11111111111a")).toBe(200);
    expect(await ask("11111111-1111-4111-8111-11111111111b")).toBe(403);
  });

  test("sign in with a second factor, where that is asked for", async () => {
    const strict = memoryApi({
      environment: { ADMIN_REQUIRE_MFA: "1" },
      router: { getDatabaseStats: async () => stats as never },
    });
    const ask = async (claims: object) => {
      const headers = { authorization: `Bearer ${await token({ app_metadata: { role: "admin" }, ...claims })}` };
      const response = await strict.app.request("/api/admin/database-stats", { headers });
      return response.status === 200 ? 200 : ((await response.json()) as { code: string }).code;
    };
    expect(await ask({ aal: "aal2" })).toBe(200);
    expect(await ask({ aal: "aal1" })).toBe("mfa_required");
    expect(await ask({})).toBe("mfa_required");
    // who is none is told no more than that
    expect(await ask({ app_metadata: {} })).toBe("forbidden");
  });

  test("addresses beyond ASCII are refused where they are configured", () => {
    expect(() => memoryApi({ environment: { ADMIN_EMAILS: "root@\u212Aiosk.example" } })).toThrow(/ADMIN_USER_IDS/);
    expect(() => memoryApi({ environment: { ADMIN_USER_IDS: "root@example.com" } })).toThrow(/UUIDs/);
  });

  test.each([
    [
      "an address that only looks like theirs: a Kelvin sign for a K",
      { email: "root@\u212Aiosk.example", app_metadata: { email_confirmed: true } },
    ],
    [
      "an identity provider's word",
      {
        email: "root@example.com",
        app_metadata: { email_confirmed: true, provider: "sso:4b1f", providers: ["sso:4b1f"] },
      },
    ],
    [
      "an identity provider's word beside a password",
      {
        email: "root@example.com",
        app_metadata: { email_confirmed: true, provider: "email", providers: ["email", "sso:4b1f"] },
      },
    ],
    ["an address that is not confirmed", { email: "root@example.com", app_metadata: { email_confirmed: false } }],
    ["an address of which nothing is said", { email: "root@example.com" }],
    ["a text in place of true", { email: "root@example.com", app_metadata: { email_confirmed: "true" } }],
    ["what users write themselves", { user_metadata: { role: "admin", email_verified: true } }],
    [
      "an address confirmed by what users write",
      { email: "root@example.com", user_metadata: { email_confirmed: true, email_verified: true } },
    ],
    ["another address", { email: "xroot@example.com", app_metadata: { email_confirmed: true } }],
    ["no address", { email: "", app_metadata: { email_confirmed: true } }],
  ])("are not made by %s", async (_, claims) => {
    expect(await status(claims)).toBe(403);
  });
});

describe("with public keys", () => {
  let server: Server;
  let url: string;
  let keys: JWK[] = [];
  let up = true;
  let reads = 0;
  let pair: CryptoKeyPair;
  const issue = (key: CryptoKeyPair["privateKey"] | Uint8Array, header: { alg: string; kid?: string }) =>
    new SignJWT({ role: "authenticated" })
      .setProtectedHeader(header)
      .setSubject("11111111-1111-4111-8111-111111111111")
      .setIssuer(`${url}/auth/v1`)
      .setAudience("authenticated")
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(key);
  const withKeys = (environment: Record<string, string | undefined> = {}, clock = Date.now) =>
    memoryApi({ environment: { SUPABASE_URL: url, SUPABASE_JWT_SECRET: undefined, ...environment }, clock });

  beforeAll(async () => {
    pair = (await generateKeyPair("ES256", { extractable: true })) as CryptoKeyPair;
    keys = [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256", use: "sig" }];
    server = createServer((_, response) => {
      reads += 1;
      response.writeHead(up ? 200 : 500, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test("the project's are read once and serve on while Supabase is away", async () => {
    reads = 0;
    let time = Date.now();
    const api = withKeys({}, () => time);
    const jwt = await issue(pair.privateKey, { alg: "ES256", kid: "one" });
    for (let i = 0; i < 3; i++) expect((await ask(api, jwt)).status).toBe(200);
    expect(reads).toBe(1);
    up = false;
    time += 60_000;
    expect((await ask(api, jwt)).status).toBe(200);
    up = true;
  });

  test("without any keys the answer is that they cannot be read, and later they can", async () => {
    up = false;
    let time = Date.now();
    const api = withKeys({}, () => time);
    const jwt = await issue(pair.privateKey, { alg: "ES256", kid: "one" });
    const { status, headers, problem } = await ask(api, jwt);
    expect([status, problem.code, headers.get("retry-after")]).toEqual([503, "unavailable", "5"]);
    up = true;
    time += 6_000;
    expect((await ask(api, jwt)).status).toBe(200);
  });

  test("those of the configuration make a cold start work while Supabase is away", async () => {
    up = false;
    const api = withKeys({ SUPABASE_JWKS: JSON.stringify({ keys }) });
    expect((await ask(api, await issue(pair.privateKey, { alg: "ES256", kid: "one" }))).status).toBe(200);
    const other = (await generateKeyPair("ES256")) as CryptoKeyPair;
    expect((await ask(api, await issue(other.privateKey, { alg: "ES256", kid: "one" }))).status).toBe(401);
    up = true;
  });

  test("a public key is no secret: HS256 with it is refused, with and without a secret of our own", async () => {
    const spki = new TextEncoder().encode(await exportSPKI(pair.publicKey));
    const raw = new TextEncoder().encode(JSON.stringify(keys[0]));
    for (const secret of [undefined, "a secret of at least 32 characters"])
      for (const key of [spki, raw])
        expect(
          (await ask(withKeys({ SUPABASE_JWT_SECRET: secret }), await issue(key, { alg: "HS256", kid: "one" }))).status,
        ).toBe(401);
  });

  test("a key that nobody knows is refused", async () => {
    const other = (await generateKeyPair("ES256")) as CryptoKeyPair;
    expect((await ask(withKeys(), await issue(other.privateKey, { alg: "ES256", kid: "two" }))).status).toBe(401);
  });
});
