/** What the client sends again, when, and how often; no test waits for real. */
import { expect, test, vi } from "vitest";
import { createSwitchyardClient } from "../../client/index.ts";
import { type RetryOptions, retryingFetch } from "../../client/retry.ts";

const URL_ = "https://app.example/api/expenses";
const NOW = Date.parse("2026-03-14T15:00:00Z");

interface Refusal {
  status?: number;
  after?: string | null;
}

/** A server that refuses so many times and then says 200; what it was sent, and how long was waited. */
function server(refusals: number, { status = 503, after = "1" }: Refusal = {}, more: RetryOptions = {}) {
  const bodies: string[] = [];
  const waits: number[] = [];
  const send: typeof fetch = async (input, init) => {
    bodies.push(await new Request(input, init).text());
    if (bodies.length > refusals) return new Response("done");
    return new Response("{}", { status, headers: after === null ? {} : { "retry-after": after } });
  };
  const wait = async (ms: number) => void waits.push(ms);
  const options = { wait, clock: () => NOW, random: () => 0, ...more };
  return { bodies, waits, options, send, fetch: retryingFetch(send, options) };
}

test.each([503, 429])("%i is tried again after the time that it names", async (status) => {
  const { fetch, waits, bodies } = server(2, { status, after: "3" });
  expect(await (await fetch(URL_)).text()).toBe("done");
  expect([waits, bodies.length]).toEqual([[3_000, 3_000], 3]);
});

test("the time may be a date, also one that has passed", async () => {
  const later = server(1, { after: new Date(NOW + 4_000).toUTCString() });
  await later.fetch(URL_);
  const passed = server(1, { after: new Date(NOW - 4_000).toUTCString() });
  await passed.fetch(URL_);
  expect([later.waits, passed.waits]).toEqual([[4_000], [0]]);
});

test.each([
  ["without retry-after", { after: null }],
  ["with one that says nothing", { after: "soon" }],
  ["with one beyond the bound", { after: "21" }],
  ["500", { status: 500 }],
  ["409", { status: 409 }],
] as [string, Refusal][])("%s: answered as it is", async (_, refusal) => {
  const { fetch, waits, bodies } = server(1, refusal);
  expect((await fetch(URL_)).status).toBe(refusal.status ?? 503);
  expect([waits, bodies.length]).toEqual([[], 1]);
});

test("at most so many tries, and so much waiting", async () => {
  const often = server(99);
  expect((await often.fetch(URL_)).status).toBe(503);
  expect([often.bodies.length, often.waits.length]).toEqual([5, 4]);
  const long = server(99, { after: "5" }, { tries: 99, maxWaitMs: 12_000 });
  expect((await long.fetch(URL_)).status).toBe(503);
  expect(long.waits).toEqual([5_000, 5_000]);
});

test("some of the wait is added, differently each time, and never more than the bound", async () => {
  const { fetch, waits } = server(3, { after: "4" }, { random: () => 0.999, maxWaitMs: 13_500 });
  expect((await fetch(URL_)).status).toBe(503);
  expect(waits[0]).toBeGreaterThan(4_900);
  expect(waits).toHaveLength(2);
});

test.each<[string, string, Record<string, string>, boolean]>([
  ["a read", "GET", {}, true],
  ["a look", "HEAD", {}, true],
  ["a create with a key", "POST", { "Idempotency-Key": "a" }, true],
  ["a create without one", "POST", {}, false],
  ["a create with a version", "POST", { "If-Match": '"7"' }, false],
  ["an update of a version", "PATCH", { "If-Match": '"7"' }, true],
  ["an update of any version", "PATCH", { "If-Match": "*" }, false],
  ["an update", "PATCH", {}, false],
  ["a deletion of a version", "DELETE", { "If-Match": '"7"' }, true],
  ["a deletion", "DELETE", {}, false],
])("%s (%s %j): %s", async (_, method, headers, isSafe) => {
  const init = { method, headers, ...(/P/i.test(method) && { body: "{}" }) };
  const [asInit, asRequest] = [server(1), server(1)];
  expect((await asInit.fetch(URL_, init)).status).toBe(isSafe ? 200 : 503);
  expect((await asRequest.fetch(new Request(URL_, init))).status).toBe(isSafe ? 200 : 503);
});

test("a body goes with each try, a stream with one only", async () => {
  const init = { method: "POST", headers: { "idempotency-key": "a" }, body: "text" };
  const [asInit, asRequest, asStream] = [server(2), server(2), server(2)];
  await asInit.fetch(URL_, init);
  await asRequest.fetch(new Request(URL_, init));
  const body = new Response("text").body as ReadableStream;
  expect((await asStream.fetch(URL_, { ...init, body, duplex: "half" } as RequestInit)).status).toBe(503);
  expect([asInit.bodies, asRequest.bodies, asStream.bodies]).toEqual([
    ["text", "text", "text"],
    ["text", "text", "text"],
    ["text"],
  ]);
});

test("the request's signal ends the wait, and nothing is sent after that", async () => {
  const { send, bodies } = server(9, { after: "20" });
  for (const asked of ["init", "request"]) {
    bodies.length = 0;
    const controller = new AbortController();
    const { signal } = controller;
    const fetch = retryingFetch(send);
    const answer = asked === "init" ? fetch(URL_, { signal }) : fetch(new Request(URL_, { signal }));
    await vi.waitUntil(() => bodies.length === 1);
    controller.abort(new Error("the page is left"));
    await expect(answer).rejects.toThrow("the page is left");
    expect(bodies).toHaveLength(1);
  }
});

test("the typed client does so by itself, or not at all", async () => {
  const key = { json: { amount: "1", currency: "EUR", date: "2026-03-14" }, header: { "idempotency-key": "a" } };
  const of = (busy: ReturnType<typeof server>, retry: RetryOptions | false) =>
    createSwitchyardClient({ url: "https://app.example", getToken: () => "a.b.c", fetch: busy.send, retry });
  const [on, off] = [server(1), server(1)];
  expect((await of(on, on.options).expenses.$post(key)).status).toBe(200);
  expect(on.bodies).toEqual([JSON.stringify(key.json), JSON.stringify(key.json)]);
  expect((await of(off, false).expenses.$post(key)).status).toBe(503);
  expect(off.bodies).toHaveLength(1);
});

test("a call's own signal reaches the wait", async () => {
  const { send, bodies } = server(9, { after: "20" });
  const api = createSwitchyardClient({ url: "https://app.example", getToken: () => null, fetch: send });
  const controller = new AbortController();
  const answer = api.expenses.$get({ query: {} }, { init: { signal: controller.signal } });
  await vi.waitUntil(() => bodies.length === 1);
  controller.abort(new Error("the page is left"));
  await expect(answer).rejects.toThrow("the page is left");
});
