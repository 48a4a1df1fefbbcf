/** The API behind a real HTTP server: bodies without an end, wrong media types, odd methods and headers. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Listening, listen } from "../../scripts/dev/listen.ts";
import { memoryApi, token } from "../unit/api-memory.ts";
import { pour } from "./endless-body.ts";

const MEGABYTE = 1024 * 1024;
const api = memoryApi();
const expense = JSON.stringify({ amount: "1.00", currency: "EUR", date: "2026-03-14" });
let web: Listening;
let signedIn: Record<string, string>;

beforeAll(async () => {
  signedIn = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
  web = await listen(0);
  web.serve((asked) => api.app.fetch(asked));
});
afterAll(() => web?.close());

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  code: string | undefined;
}

async function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  const response = await fetch(`${web.url}${path}`, {
    method,
    headers: { ...signedIn, ...headers },
    body: body ?? null,
  });
  const text = await response.text();
  const isProblem = response.headers.get("content-type") === "application/problem+json";
  return {
    status: response.status,
    headers: response.headers,
    text,
    code: isProblem && text ? JSON.parse(text).code : undefined,
  };
}

/** What the server says to bytes that no HTTP client would send; empty when it just hangs up. */
const raw = (bytes: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(web.port, "127.0.0.1", () => socket.write(bytes));
    let said = "";
    socket.on("data", (chunk) => {
      said += chunk;
    });
    socket.on("close", () => resolve(said));
    socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNRESET" ? resolve(said) : reject(error)));
  });

const count = async () => JSON.parse((await send("GET", "/api/expenses/count")).text).count as number;

describe("bodies without an end", () => {
  test.each([
    ["POST", "/api/expenses"],
    ["PATCH", `/api/expenses/${crypto.randomUUID()}`],
    ["PUT", "/api/profile"],
  ])("%s is refused after a megabyte, and the rest is not taken", async (method, path) => {
    const before = await count();
    const { status, sent } = await pour(`${web.url}${path}`, method, signedIn);
    expect(status).toBe(413);
    // what the sockets of both sides hold lies in between
    expect(sent).toBeLessThan(16 * MEGABYTE);
    expect(await count()).toBe(before);
  });

  test("without a token are not read to their end, either", async () => {
    expect([401, 413]).toContain(
      (await pour(`${web.url}/api/expenses`, "POST", { "content-type": "application/json" })).status,
    );
  });

  test("DELETE answers without reading it", async () => {
    const { status, sent } = await pour(`${web.url}/api/expenses/${crypto.randomUUID()}`, "DELETE", signedIn);
    expect([404, 405]).toContain(status);
    expect(sent).toBeLessThan(128 * MEGABYTE);
  });

  test("that say how long they are, are refused before they come", async () => {
    const head = `POST /api/expenses HTTP/1.1\r\nhost: x\r\nauthorization: ${signedIn.authorization}\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n`;
    expect(await raw(head)).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe("media types", () => {
  test.each([
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/jsonx",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/bson",
    "json",
    "*/*",
    "text/plain; application/json",
    `text/${"x".repeat(8_000)}`,
  ])("%s is refused", async (type) => {
    const before = await count();
    for (const [method, path] of [
      ["POST", "/api/expenses"],
      ["PATCH", `/api/expenses/${crypto.randomUUID()}`],
    ] as const)
      expect([(await send(method, path, { "content-type": type }, expense)).code]).toEqual(["unsupported_media_type"]);
    expect(await count()).toBe(before);
  });

  test("a body that is compressed is refused: it is no UTF-8", async () => {
    const { status } = await fetch(`${web.url}/api/expenses`, {
      method: "POST",
      headers: { ...signedIn, "content-encoding": "gzip" },
      body: new Response(new Blob([expense]).stream().pipeThrough(new CompressionStream("gzip"))).body,
      duplex: "half",
    } as RequestInit);
    expect(status).toBe(400);
  });

  test("what the caller accepts makes no difference", async () => {
    for (const accept of ["application/xml", "text/html;q=0", "", "x".repeat(4_000)])
      expect((await send("GET", "/api/expenses", { accept })).headers.get("content-type")).toMatch(
        /^application\/json/,
      );
  });
});

test("answers are for one origin, also those that no page asked for: a cache must not give them to another", async () => {
  for (const path of ["/api/expenses", "/api/nothing", "/api/openapi.json"])
    for (const headers of [{}, { origin: "https://app.example" }] as Record<string, string>[])
      expect([path, (await send("GET", path, headers)).headers.get("vary")]).toEqual([path, "Origin"]);
});

describe("methods", () => {
  test("that a route does not take are 405 and say which it takes", async () => {
    for (const method of ["PUT", "PROPFIND", "LOCK", "COPY", "M-SEARCH", "PURGE"])
      for (const path of ["/api/expenses", "/api/me", "/api/config", "/api/openapi.json"]) {
        const { code, headers } = await send(method, path);
        expect([method, path, code]).toEqual([method, path, "method_not_allowed"]);
        expect(headers.get("allow")).toContain("GET");
      }
    for (const head of ["TRACE /api/expenses", "get /api/expenses"])
      expect(await raw(`${head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 (4\d\d) /);
  });

  test("OPTIONS is answered without a token, by whomever it is asked", async () => {
    for (const headers of [{}, { origin: "https://app.example", "access-control-request-method": "POST" }])
      expect((await fetch(`${web.url}/api/expenses`, { method: "OPTIONS", headers })).status).toBe(204);
  });

  test("HEAD is GET without a body, 401 too", async () => {
    const ok = await send("HEAD", "/api/expenses");
    expect([ok.status, ok.text]).toEqual([200, ""]);
    expect((await fetch(`${web.url}/api/expenses`, { method: "HEAD" })).status).toBe(401);
  });

  test("cannot be smuggled in by a header", async () => {
    const made = JSON.parse((await send("POST", "/api/expenses", {}, expense)).text);
    for (const name of ["x-http-method-override", "x-http-method", "x-method-override"])
      expect((await send("GET", `/api/expenses/${made.id}?_method=DELETE`, { [name]: "DELETE" })).status).toBe(200);
    expect((await send("GET", `/api/expenses/${made.id}`)).status).toBe(200);
  });
});

describe("headers", () => {
  test("that mean nothing here change nothing", async () => {
    const made = JSON.parse((await send("POST", "/api/expenses", {}, expense)).text);
    const path = `/api/expenses/${made.id}`;
    for (const headers of [
      { range: "bytes=0-1" },
      { range: "bytes=99999999999999999999-" },
      { range: "x".repeat(4_000) },
      { "if-modified-since": "Thu, 01 Jan 2099 00:00:00 GMT" },
      { "if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT" },
      { "if-range": '"1"' },
      { "x-forwarded-host": "evil.example", "x-forwarded-proto": "javascript", forwarded: "host=evil.example" },
      { "x-original-url": "/api/admin/database-stats", "x-rewrite-url": "/api/me" },
      { origin: "null" },
      { cookie: "a=1; ".repeat(1_000) },
      { "x-request-id": "a".repeat(8_000) },
      { apikey: "sb_secret_guess", "x-user-id": crypto.randomUUID() },
    ] as Record<string, string>[]) {
      const { status, text, headers: received } = await send("GET", path, headers);
      expect([headers, status, JSON.parse(text)]).toEqual([headers, 200, made]);
      expect(JSON.stringify([...received])).not.toMatch(/evil|aaaaaaaa/);
    }
  });

  test("and addresses that hold somebody's are not logged with them (test/setup/watch-leaks.ts looks)", async () => {
    const token = `${signedIn.authorization}`.slice("Bearer ".length);
    for (const path of ["/api/contacts/ann%40example.com", "/api/ann@example.com", `/api/contacts/${token}`])
      expect([400, 404]).toContain((await send("GET", path)).status);
    expect(api.lines.some((line) => line.includes("/api/contacts/"))).toBe(true);
  });

  test("that are too long or no HTTP are refused by the server, which goes on", async () => {
    const long = `GET /api/config HTTP/1.1\r\nhost: x\r\nx-long: ${"x".repeat(40_000)}\r\n\r\n`;
    expect(await raw(long)).toMatch(/^(HTTP\/1.1 431 .*)?/);
    const start = `POST /api/expenses HTTP/1.1\r\nhost: x\r\nauthorization: ${signedIn.authorization}\r\n`;
    for (const rest of [
      "content-type: application/json\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "content-length: -1\r\n\r\n",
      "content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
      "x\u0000y: 1\r\n\r\n",
      "transfer-encoding: chunked\r\n\r\nzz\r\n",
      "transfer-encoding: gzip, chunked, identity\r\n\r\n",
    ])
      expect([rest, await raw(start + rest)]).toEqual([rest, expect.stringMatching(/^HTTP\/1.1 4\d\d /)]);
    for (const path of [
      "/api/\u00ff",
      "//evil.example/api/config",
      "/api/../api/config",
      "http://evil.example/api/config",
    ])
      expect(await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).not.toMatch(/^HTTP\/1.1 5/);
    expect((await send("GET", "/api/config")).status).toBe(200);
  });

  test("of a host that is none do no harm", async () => {
    for (const host of ["", "a b", "[::1", "x@y:z", "evil.example"]) {
      const said = await raw(`GET /api/config HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      expect([host, said]).toEqual([host, expect.stringMatching(/^HTTP\/1.1 [24]\d\d /)]);
      expect(said).not.toContain("evil");
    }
  });
});
