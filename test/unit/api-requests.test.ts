/** Requests that are odd, wrong or hostile, and what every answer carries. */
import { createHmac } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { createApp } from "../../api/_app.ts";
import { idempotencySecret } from "../../api/_idempotency.ts";
import { busy, type RepositoryError, storageFull, throttled, unavailable } from "../../shared/contract/errors.ts";
import { quotaExceeded } from "../../shared/repository/refusals.ts";
import { memoryApi, token } from "./api-memory.ts";

const jwt = await token();
const signedIn = { authorization: `Bearer ${jwt}` };
const json = { ...signedIn, "content-type": "application/json" };
const expense = { amount: "5.5", currency: "EUR", date: "2026-01-31" };

interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  errors: { field: string; code: string; message: string }[];
}

const { app, lines } = memoryApi();
async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = json, on = app) {
  const raw =
    body === undefined || typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
  const init = { method, headers, body: (raw ? body : JSON.stringify(body)) as BodyInit, duplex: "half" };
  const response = await on.request(path, init as RequestInit);
  const text = await response.text();
  const value = text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, value, problem: value as Problem };
}
const codes = ({ problem }: { problem: Problem }) => [
  problem.status,
  problem.code,
  ...problem.errors.map((e) => e.field),
];

describe("bodies", () => {
  test.each([
    ["broken JSON", "{x", [400, "malformed"]],
    ["nothing", "", [400, "malformed"]],
    ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), [400, "malformed"]],
    ["JSON without an end", "[".repeat(100_000), [400, "malformed"]],
    ["deep JSON", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, [422, "invalid_input", ""]],
    ["null", "null", [422, "invalid_input", ""]],
    ["a list", "[]", [422, "invalid_input", ""]],
    [
      "a prototype",
      `{"__proto__":{},"amount":"1","currency":"EUR","date":"2026-01-01"}`,
      [422, "invalid_input", "__proto__"],
    ],
    ["a field of the system's", { ...expense, version: 1, user_id: "x" }, [422, "invalid_input", "version", "user_id"]],
    ["over 1 MB", `"${"x".repeat(1024 * 1024)}"`, [413, "too_large"]],
  ])("%s", async (_, body, expected) => {
    const answer = await send("POST", "/api/expenses", body);
    expect(codes(answer)).toEqual(expected);
    expect(answer.status).toBe(expected[0]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(Object.keys(answer.problem)).toEqual(["type", "title", "status", "code", "detail", "errors"]);
  });

  test("of a batch that is deep are refused before they are hashed", async () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const body = `{"operations":[{"op":"create","idempotency_key":"k","body":{"amount":${deep}}}]}`;
    expect(codes(await send("POST", "/api/expenses/batch", body))).toEqual([422, "invalid_input", ""]);
  });

  test("without an end are cut off at 1 MB, whatever their length was said to be", async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    expect((await send("POST", "/api/expenses", endless)).status).toBe(413);
    expect(sent).toBeLessThan(2 * 1024 * 1024);
  });

  test("whose sender goes away are no failure of ours", async () => {
    const { app, lines } = memoryApi();
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
      pull: (controller) => controller.error(new Error("aborted")),
    });
    const answer = await send("POST", "/api/expenses", broken, json, app);
    expect(codes(answer)).toEqual([400, "malformed"]);
    const logged = lines.map((line) => JSON.parse(line));
    expect(logged.map(({ level }) => level)).not.toContain("error");
    expect(logged.find(({ event }) => event === "body_aborted")).toMatchObject({ level: "debug" });
  });

  test("that are no JSON are told where", async () => {
    const detail = async (body: string) => (await send("POST", "/api/expenses", body)).problem.detail;
    expect(await detail('{\n  "amount": "1"\n  "date": "2026-01-01"\n}')).toContain("line 3, column 3");
    expect(await detail("")).toContain("empty");
    expect(await detail('{"amount": ')).toContain("ends too early");
  });

  test("that are not there are no empty objects", async () => {
    const { value } = await send("POST", "/api/expenses", expense);
    const answer = await send("PATCH", `/api/expenses/${value.id}`, undefined, signedIn);
    expect(codes(answer)).toEqual([400, "malformed"]);
  });

  test("of another type are refused", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await send("POST", "/api/expenses", expense, { ...signedIn, "content-type": type });
      expect(codes(answer)).toEqual([415, "unsupported_media_type"]);
    }
    expect((await send("PATCH", `/api/expenses/${crypto.randomUUID()}`, "{}", signedIn)).status).toBe(415);
  });

  test("every field at fault is named", async () => {
    const answer = await send("POST", "/api/expenses", { amount: 5, currency: "eur", date: "2026-02-30", x: 1 });
    expect(new Set(codes(answer).slice(2))).toEqual(new Set(["amount", "currency", "date", "x"]));
  });
});

describe("addresses", () => {
  test("nothing there", async () => {
    for (const path of ["/api", "/api/nope", "/api/expenses/", "/api/expenses/a/b", "/nope"])
      expect(codes(await send("GET", path)), path).toEqual([404, "not_found"]);
  });

  test("another method is told those that are taken", async () => {
    const answer = await send("PUT", "/api/expenses", "{}");
    expect(codes(answer)).toEqual([405, "method_not_allowed"]);
    expect(answer.headers.get("allow")).toBe("GET, POST");
    expect((await send("POST", `/api/expenses/${crypto.randomUUID()}`, "{}")).headers.get("allow")).toBe(
      "DELETE, GET, PATCH",
    );
    for (const name of ["count", "summary", "export.csv"])
      for (const method of ["POST", "PATCH", "DELETE"]) {
        const { status, headers } = await send(method, `/api/expenses/${name}`, method === "DELETE" ? undefined : "{}");
        expect([method, name, status, headers.get("allow")]).toEqual([method, name, 405, "GET"]);
      }
  });

  test("an id that is none is malformed, in every route that takes one", async () => {
    for (const id of ["abc", "%00", "%zz", "1", "11111111-1111-1111-1111-11111111111g"]) {
      expect(codes(await send("GET", `/api/expenses/${id}`))).toEqual([400, "malformed", "id"]);
      expect(codes(await send("GET", `/api/budgets/${id}/status`))).toEqual([400, "malformed", "id"]);
      expect(codes(await send("DELETE", `/api/expenses/${id}`))).toEqual([400, "malformed", "id"]);
    }
  });

  test("unknown and broken parameters are named, all of them", async () => {
    const answer = await send("GET", "/api/expenses?limit=x&sort=nope&foo=1&amount[ne]=2&date=2026-02-30");
    expect([...codes(answer)].sort()).toEqual(
      [400, "amount[ne]", "date", "foo", "invalid_query", "limit", "sort"].sort(),
    );
    expect(codes(await send("GET", "/api/expenses/export.csv?limit=1"))).toEqual([400, "invalid_query", "limit"]);
    expect(codes(await send("GET", "/api/reports/spending?from=2026-02-02&to=2026-02-01"))).toEqual([
      400,
      "invalid_query",
      "to",
    ]);
  });
});

describe("records", () => {
  test("are created, read, changed and deleted under their ETag", async () => {
    const created = await send("POST", "/api/expenses", expense);
    const path = created.headers.get("location") ?? "";
    expect([created.status, path]).toEqual([201, `/api/expenses/${created.value.id}`]);
    expect(created.headers.get("etag")).toBe(`"${created.value.version}"`);
    const etag = created.headers.get("etag") ?? "";

    const read = await send("GET", path);
    expect([read.status, read.headers.get("etag"), read.value]).toEqual([200, etag, created.value]);
    expect((await send("GET", path, undefined, { ...signedIn, "if-none-match": `W/${etag}` })).status).toBe(304);

    const changed = await send("PATCH", path, { description: "x" }, { ...json, "if-match": etag });
    expect([changed.status, changed.value.description]).toEqual([200, "x"]);
    const last = changed.headers.get("etag") ?? "";
    expect(last).not.toBe(etag);
    for (const tags of [etag, `W/${etag}`, '"1", "2"', 'W/"1", W/"2"', '"nonsense"', 'W/"nonsense"', '"1,2" , "3"'])
      expect(codes(await send("PATCH", path, {}, { ...json, "if-match": tags })), tags).toEqual([
        412,
        "version_mismatch",
      ]);
    for (const tags of ["", last.slice(1, -1), "*, *", '"open', '"1""2"'])
      expect(codes(await send("DELETE", path, undefined, { ...signedIn, "if-match": tags })), tags).toEqual([
        400,
        "malformed",
        "If-Match",
      ]);
    // proxies that compress an answer weaken its tag
    const weak = await send("PATCH", path, { description: "y" }, { ...json, "if-match": `W/${last}` });
    expect([weak.status, weak.value.description]).toEqual([200, "y"]);
    const weaker = `"1", W/${weak.headers.get("etag")}`;
    expect((await send("DELETE", path, undefined, { ...signedIn, "if-match": weaker })).status).toBe(204);
    expect(codes(await send("GET", path))).toEqual([404, "not_found"]);
    // what is gone has no version to be another one
    for (const tags of [etag, `W/${etag}`, '"1", "2"', '"nonsense"', "*"])
      for (const method of ["PATCH", "DELETE"])
        expect(
          codes(await send(method, path, method === "PATCH" ? {} : undefined, { ...json, "if-match": tags })),
          `${method} ${tags}`,
        ).toEqual([404, "not_found"]);
  });

  test("the secret behind ids is the one configured, or made from the project's key under a label of its own", async () => {
    const key = "the service key, which nobody may see";
    const own = await idempotencySecret({ SUPABASE_SECRET_KEY: key });
    expect(own).toMatch(/^[0-9a-f]{64}$/);
    expect(own).not.toBe(createHmac("sha256", key).update("").digest("hex"));
    expect(own).toBe(createHmac("sha256", key).update("switchyard idempotency-key v1").digest("hex"));
    expect(await idempotencySecret({ SUPABASE_SECRET_KEY: key, IDEMPOTENCY_SECRET: "set" })).toBe("set");
  });

  test("are made once for an Idempotency-Key", async () => {
    const post = (body: unknown, key: string, path = "/api/expenses") =>
      send("POST", path, body, { ...json, "idempotency-key": key });
    const first = await post(expense, "key 1");
    expect(first.status).toBe(201);
    expect(first.value.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const again = await post(` { "date":"2026-01-31",\n"currency":"EUR","amount":"5.50"}`, "key 1");
    expect([again.status, again.value]).toEqual([201, first.value]);
    expect(codes(await post({ ...expense, amount: "6" }, "key 1"))).toEqual([409, "idempotency_mismatch"]);
    expect((await post(expense, "key 2")).value.id).not.toBe(first.value.id);
    const income = await post({ amount: "5.5", currency: "EUR", date: "2026-01-31" }, "key 1", "/api/incomes");
    expect([income.status, income.value.id === first.value.id]).toEqual([201, false]);

    await send("DELETE", `/api/expenses/${first.value.id}`, undefined, signedIn);
    expect(codes(await post(expense, "key 1"))).toEqual([410, "deleted"]);
    expect(codes(await post({ ...expense, id: crypto.randomUUID() }, "key 3"))).toEqual([422, "invalid_input", "id"]);
    for (const key of ["", "x".repeat(256), "é"])
      expect(codes(await post(expense, key))).toEqual([400, "malformed", "Idempotency-Key"]);
  });

  test("of two users with one key are two", async () => {
    const other = await token({ sub: "22222222-2222-4222-8222-222222222222" });
    const post = async (jwt: string) =>
      (
        await send("POST", "/api/expenses", expense, {
          ...json,
          authorization: `Bearer ${jwt}`,
          "idempotency-key": "same",
        })
      ).value.id;
    expect(await post(jwt)).not.toBe(await post(other));
  });
});

describe("every answer", () => {
  test("names its request, the caller's name where it is a sane one", async () => {
    const id = async (given?: string) =>
      (await send("GET", "/api/config", undefined, given === undefined ? {} : { "x-request-id": given })).headers.get(
        "x-request-id",
      );
    expect(await id("abc-1.2_3")).toBe("abc-1.2_3");
    for (const bad of [undefined, "", "a b", "x".repeat(65), '{"a":1}'])
      expect(await id(bad)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("is kept out of caches, whatever it is", async () => {
    for (const path of ["/api/expenses", "/api/me", "/api/nope", "/api/expenses/x"])
      expect((await send("GET", path)).headers.get("cache-control")).toBe("no-store");
  });

  test("may be read by pages of allowed origins only, failures too", async () => {
    for (const path of ["/api/expenses", "/api/expenses/x", "/api/nope"]) {
      const allowed = await send("GET", path, undefined, { ...signedIn, origin: "https://app.example" });
      expect(allowed.headers.get("access-control-allow-origin"), path).toBe("https://app.example");
      expect(allowed.headers.get("access-control-expose-headers")).toMatch(
        /etag,.*x-request-id,x-data-source,x-complete-up-to/,
      );
      expect(allowed.headers.has("access-control-allow-credentials")).toBe(false);
      const other = await send("GET", path, undefined, { ...signedIn, origin: "https://evil.example" });
      expect(other.headers.has("access-control-allow-origin")).toBe(false);
    }
    const preflight = await send("OPTIONS", "/api/expenses", undefined, {
      origin: "https://app.example",
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "authorization,if-match",
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([
      204,
      "https://app.example",
    ]);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("idempotency-key");
  });
});

describe("what breaks", () => {
  test("a database that is away: 503 and when to come back", async () => {
    const away = memoryApi({
      failing: () => unavailable("MongoDB does not answer.", new Error("mongodb://u:pw@host")),
    });
    for (const path of ["/api/expenses", "/api/expenses/export.csv", `/api/loans/${crypto.randomUUID()}/status`]) {
      const answer = await send("GET", path, undefined, signedIn, away.app);
      expect([...codes(answer), answer.headers.get("retry-after")]).toEqual([503, "unavailable", "5"]);
      expect(answer.text).not.toContain("pw");
    }
  });

  test("one that has too much to do at once: a code of its own, and an early return", async () => {
    const { app } = memoryApi({ failing: () => busy("Try again.", new Error("mongodb://u:pw@host")) });
    for (const path of ["/api/expenses", "/api/expenses/export.csv"]) {
      const answer = await send("GET", path, undefined, signedIn, app);
      expect([...codes(answer), answer.headers.get("retry-after")]).toEqual([503, "busy", "1"]);
      expect(answer.text).not.toContain("pw");
    }
  });

  test("a full database and a throttled one: codes of their own, and no hurry to come back to the full one", async () => {
    const statuses = async (failing: () => RepositoryError) => {
      const { app } = memoryApi({ failing });
      const answer = await send("POST", "/api/contacts", { name: "a" }, json, app);
      return [...codes(answer), answer.headers.get("retry-after")];
    };
    expect(await statuses(() => storageFull())).toEqual([507, "storage_full", null]);
    expect(await statuses(() => throttled())).toEqual([503, "throttled", "5"]);
    const counted = { records: 101, bytes: 1, quota_records: 100, quota_bytes: null };
    expect(await statuses(() => quotaExceeded(counted))).toEqual([403, "quota_exceeded", null]);
  });

  test("a bug: 500 without a word of it; the log has it under the request's name, without secrets", async () => {
    const buggy = memoryApi({
      router: {
        repository: () => Promise.reject(new Error("mongodb://u:pw@host fails for ann@example.com")),
      },
    });
    const answer = await send("GET", "/api/expenses", undefined, { ...signedIn, "x-request-id": "r-1" }, buggy.app);
    expect(codes(answer)).toEqual([500, "internal"]);
    expect(answer.text).not.toMatch(/mongodb|pw@|ann@/);
    const logged = buggy.lines.map((line) => JSON.parse(line)).find(({ level }) => level === "error");
    expect(logged).toMatchObject({ event: "request_failed", request_id: "r-1" });
    expect(JSON.stringify(logged)).not.toMatch(/:pw@|ann@example/);
    expect(lines.join()).not.toContain(jwt);
  });

  test("an API that is not configured: 500 as a problem, not a crash", async () => {
    const written = vi.spyOn(console, "log").mockImplementation(() => {});
    const broken = createApp(() => {
      throw new Error("SUPABASE_SECRET_KEY is not set");
    });
    const answer = await send("GET", "/api/config", undefined, {}, broken as unknown as typeof app);
    expect(codes(answer)).toEqual([500, "internal"]);
    expect(answer.text).not.toContain("SUPABASE");
    expect(written.mock.calls.join()).toContain("SUPABASE_SECRET_KEY is not set");
    written.mockRestore();
  });
});
