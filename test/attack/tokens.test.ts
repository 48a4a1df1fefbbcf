/** Every route that wants a token, and every token that is none. */
import { SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { fail, unavailable } from "../../shared/contract/errors.ts";
import { judgeOf } from "../integration/api-document.ts";
import { memoryApi } from "../unit/api-memory.ts";
import { forgeries, goodClaims } from "./forgeries.ts";
import { type KeyServer, startKeyServer } from "./key-server.ts";
import { addressOf, type Operation, operationsOf } from "./operations.ts";

const SECRET = "a shared secret of at least 32 characters";
const PUBLISHABLE = "sb_publishable_of_the_tokens_attack";
const SECRET_KEY = "sb_secret_of_the_tokens_attack";

let keys: KeyServer;
let operations: Operation[];
let judge: ReturnType<typeof judgeOf>;
let api: ReturnType<typeof memoryApi>;
const newApi = () =>
  memoryApi({
    environment: {
      SUPABASE_URL: keys.url,
      SUPABASE_JWT_SECRET: SECRET,
      SUPABASE_PUBLISHABLE_KEY: PUBLISHABLE,
      SUPABASE_SECRET_KEY: SECRET_KEY,
    },
    router: {
      getDatabaseStats: async () => ({}) as never,
      deleteUser: async () => ({}) as never,
      getAccount: async () => fail(unavailable("away")),
      control: async () => fail(unavailable("away")) as never,
    },
    clock: () => Date.now(),
  });

beforeAll(async () => {
  keys = await startKeyServer();
  api = newApi();
  const document = await (await api.app.request("/api/openapi.json")).json();
  operations = operationsOf(document);
  judge = judgeOf(document);
});
afterAll(() => keys?.stop());

const good = (alg: "ES256" | "RS256" | "HS256") => {
  const { ec, rsa } = keys.pairs;
  const key = { ES256: ec.privateKey, RS256: rsa.privateKey, HS256: new TextEncoder().encode(SECRET) }[alg];
  const kid = { ES256: "ec", RS256: "rsa", HS256: undefined }[alg];
  const header = { alg, ...(kid !== undefined && { kid }) };
  return new SignJWT(goodClaims(keys)).setProtectedHeader(header).sign(key);
};

async function ask(operation: Operation, authorization: string | null, more = "") {
  const address = `${addressOf(operation, crypto.randomUUID())}${more}`;
  const response = await api.app.request(address, {
    method: operation.method,
    headers: {
      ...(authorization !== null && { authorization }),
      ...(operation.takesBody && { "content-type": "application/json" }),
    },
    ...(operation.takesBody && { body: "{}" }),
  });
  await judge(operation.method.toLowerCase(), address, response);
  return response;
}

describe("every route", () => {
  test("stands in the document, and wants a token unless it is one of these", () => {
    const listed = new Set(operations.map(({ method, path }) => `${method} ${path}`));
    const served = (api.app as unknown as { routes: { method: string; path: string }[] }).routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`);
    const undocumented = [...new Set(served)].filter((route) => !listed.has(route));
    expect(undocumented.sort()).toEqual(["GET /api/docs", "GET /api/openapi.json", "GET /health"]);
    const open = operations.filter(({ secured }) => !secured).map(({ method, path }) => `${method} ${path}`);
    expect(open.sort()).toEqual(["GET /api/config", "GET /api/health"]);
  });

  test("that wants a token takes a good one of each kind", async () => {
    for (const alg of ["ES256", "RS256", "HS256"] as const) {
      const token = await good(alg);
      for (const operation of operations.filter(({ secured, path }) => secured && path !== "/api/me"))
        expect([operation.method, operation.path, (await askLoosely(operation, token)).status]).not.toEqual([
          operation.method,
          operation.path,
          401,
        ]);
    }
  });

  test("that wants a token refuses all others, before any database is asked", async () => {
    const secured = operations.filter((operation) => operation.secured);
    expect(secured.length).toBeGreaterThan(50);
    const headers = await forgeries({ keys, secret: SECRET, publishableKey: PUBLISHABLE, secretKey: SECRET_KEY });
    const before = api.users.length;
    for (const operation of secured)
      for (const [what, authorization] of [["none", null] as const, ...Object.entries(headers)]) {
        const response = await ask(operation, authorization);
        const problem = (await response.json()) as { code: string };
        const said = [operation.method, operation.path, what, response.status, problem.code];
        expect(said).toEqual([operation.method, operation.path, what, 401, "unauthorized"]);
        expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
      }
    expect(api.users.length).toBe(before);
  });

  test("that wants a token does not read it from the address or a cookie", async () => {
    const token = await good("ES256");
    for (const operation of operations.filter(({ secured }) => secured))
      for (const name of ["access_token", "token", "apikey", "authorization"])
        expect((await ask(operation, null, `&${name}=${token}`)).status).toBe(401);
    const response = await api.app.request("/api/expenses", { headers: { cookie: `sb-access-token=${token}` } });
    expect(response.status).toBe(401);
  });
});

/** Without the judge: reports over made-up records are not as the document says. */
const askLoosely = (operation: Operation, token: string) =>
  api.app.request(addressOf(operation, crypto.randomUUID()), {
    method: operation.method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(operation.takesBody && { body: "{}" }),
  });

describe("a key that leaves the published ones", () => {
  const status = async (on: ReturnType<typeof memoryApi>, token: string) =>
    (await on.app.request("/api/expenses/count", { headers: { authorization: `Bearer ${token}` } })).status;
  const later = (minutes: number) => vi.setSystemTime(Date.now() + minutes * 60_000);

  afterEach(() => {
    vi.useRealTimers();
    keys.answer(true);
  });

  test("opens nothing 10 minutes later, whether or not Supabase answers from then on", async () => {
    // jose reads the time itself
    vi.useFakeTimers({ toFake: ["Date"] });
    const own = newApi();
    const token = await good("ES256");
    const other = await good("RS256");
    expect([await status(own, token), await status(own, other)]).toEqual([200, 200]);
    const [left] = keys.published.splice(0, 1);
    try {
      later(5);
      expect(await status(own, other)).toBe(200);
      later(5.01);
      // nobody comes with a key that is still there before Supabase goes away
      expect(await status(own, token)).toBe(401);
      keys.answer(false);
      for (let tries = 0; tries < 3; tries++) {
        later(0.7);
        expect([await status(own, token), await status(own, other)]).toEqual([401, 200]);
      }
    } finally {
      keys.published.unshift(left as never);
    }
  });

  test("and comes back opens again", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const [left] = keys.published.splice(0, 1);
    const own = newApi();
    const token = await good("ES256");
    try {
      expect(await status(own, token)).toBe(401);
    } finally {
      keys.published.unshift(left as never);
    }
    later(1);
    expect(await status(own, token)).toBe(200);
  });

  test("tokens of keys that nobody knows do not make the API ask for keys again and again", async () => {
    // it may ask again after a few seconds, and these go by here
    vi.useFakeTimers({ toFake: ["Date"] });
    const own = newApi();
    expect(await status(own, await good("ES256"))).toBe(200);
    const before = keys.reads();
    const unknown = `${Buffer.from('{"alg":"ES256","kid":"unknown"}').toString("base64url")}.e30.AAAA`;
    for (let tries = 0; tries < 20; tries++) expect(await status(own, unknown)).toBe(401);
    expect(keys.reads() - before).toBeLessThanOrEqual(1);
  });
});
