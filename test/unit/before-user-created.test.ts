/** The hook's answers, with the databases, the clock and the network in the test's hand. */
import { err, ok } from "neverthrow";
import { Webhook } from "standardwebhooks";
import { describe, expect, test, vi } from "vitest";
import { storageFull, unavailable } from "../../shared/contract/errors.ts";
import { webhookVerifier } from "../../shared/http/webhook-secrets.ts";
import { createLog } from "../../shared/log.ts";
import { createSignUpHook, type HealthReport, type SignUpHookOptions } from "../../shared/operations/sign-up-hook.ts";

const secretOf = (text: string) => `v1,whsec_${Buffer.from(text.padEnd(32, ".")).toString("base64")}`;
const NEW = secretOf("the new secret");
const OLD = secretOf("the old secret");
const BODY = JSON.stringify({ metadata: { name: "before-user-created" }, user: { email: "a@switchyard.test" } });
// one moment for all: what is signed in one second and sent in the next is another request
const NOW = new Date();

const signature = (secret: string, at: Date, body = BODY) => new Webhook(secret.slice(3)).sign("msg_1", at, body);

function request({ body = BODY, signatures = [signature(NEW, NOW, body)], at = NOW, headers = {} } = {}) {
  return new Request("http://hook", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": signatures.join(", "),
      ...headers,
    },
    body,
  });
}

/** Supabase's own is up when it takes the report. */
const SUPABASE: HealthReport = { name: "supabase", healthy: true, error: null };

function hook({ canPlace = async () => ok(true), ...over }: Partial<SignUpHookOptions> = {}) {
  const reports: (readonly HealthReport[])[] = [];
  const answer = createSignUpHook({
    verify: webhookVerifier(`${NEW}|${OLD}`),
    probes: { mongodb: async () => ok(null), atlas: async () => ok(null) },
    report: async (all) => {
      reports.push(all);
      return canPlace();
    },
    canPlace,
    clock: () => 0,
    log: createLog({ level: "silent" }),
    ...over,
  });
  return { answer, reports };
}
const seen = async (response: Response) => ({ status: response.status, body: await response.json() });
const never = () => new Promise<never>(() => undefined);

describe("sign-ups of one address", () => {
  const body = JSON.stringify({
    metadata: { uuid: "one-id", ip_address: "192.0.2.1" },
    user: { email: "a@switchyard.test" },
  });

  test("are counted by what Auth says, and refused with words once they are too many", async () => {
    const counted: unknown[] = [];
    const { answer, reports } = hook({
      count: async (signUp) => {
        counted.push(signUp);
        return ok(false);
      },
    });
    expect(await seen(await answer(request({ body })))).toEqual({
      status: 200,
      body: { error: { http_code: 429, message: expect.stringMatching(/^Too many sign-ups/) } },
    });
    expect(counted).toEqual([{ id: "one-id", address: "192.0.2.1" }]);
    expect(reports).toEqual([]);
  });

  test("go on when they cannot be counted, in time or at all", async () => {
    for (const count of [async () => err(unavailable("down")), async () => ok(true)]) {
      const { answer } = hook({ count });
      expect(await seen(await answer(request({ body })))).toEqual({ status: 200, body: {} });
    }
    const { answer } = hook({ count: never, totalMs: 20 });
    expect(await seen(await answer(request({ body })))).toEqual({ status: 200, body: {} });
    const unsaid = hook({ count: async () => ok(false) });
    expect(await seen(await unsaid.answer(request()))).toEqual({ status: 200, body: {} });
  });
});

describe("a sign-up", () => {
  test("goes on when a database can take the user, and the databases' health is reported", async () => {
    const { answer, reports } = hook();
    const response = await answer(request());
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await seen(response)).toEqual({ status: 200, body: {} });
    expect(reports).toEqual([
      [
        SUPABASE,
        { name: "mongodb", healthy: true, error: null, latency_ms: 0 },
        { name: "atlas", healthy: true, error: null, latency_ms: 0 },
      ],
    ]);
  });

  test("says how long each database took, and Supabase by the report before", async () => {
    let now = 0;
    const takes = async <T>(ms: number, answer: T) => {
      now += ms;
      return answer;
    };
    const probes = { mongodb: () => takes(7, ok(null)), atlas: async () => err(unavailable("down")) };
    const { answer, reports } = hook({ probes, clock: () => now, canPlace: () => takes(20, ok(true)), cacheMs: 0 });
    for (let times = 0; times < 2; times++) await answer(request());
    expect(reports.map((all) => all.map((each) => each.latency_ms ?? null))).toEqual([
      [null, 7, null],
      [20, 7, null],
    ]);
  });

  test("measures the databases once a minute, and waits for none that cannot be measured", async () => {
    let now = 0;
    const sizes = {
      mongodb: vi.fn(async () => 7_000_000),
      atlas: vi.fn(async () => Promise.reject(new Error("no"))),
    };
    const { answer, reports } = hook({ sizes, clock: () => now });
    for (const ms of [0, 10_000, 60_001]) {
      now = ms;
      await answer(request());
    }
    const bytes = reports.map((all) => all.map((each) => each.bytes ?? null));
    expect(bytes).toEqual([
      [null, 7_000_000, null],
      [null, null, null],
      [null, 7_000_000, null],
    ]);
    expect(sizes.mongodb).toHaveBeenCalledTimes(2);
  });

  test("passes by one whose probe says that it is full", async () => {
    const { answer, reports } = hook({ probes: { mongodb: async () => ok(storageFull()) } });
    await answer(request());
    expect(reports).toEqual([[SUPABASE, { name: "mongodb", healthy: false, error: storageFull().message }]]);
  });

  test("is refused with status 200 and words for people when none can", async () => {
    const { answer } = hook({ canPlace: async () => ok(false) });
    const { status, body } = await seen(await answer(request()));
    expect(status).toBe(200);
    expect(body).toEqual({ error: { http_code: 503, message: expect.stringContaining("Please try again") } });
  });

  test("is decided after the reports, so that a database that is down counts", async () => {
    const { answer, reports } = hook({
      probes: { mongodb: async () => err(Object.assign(new Error("connect"), { code: "ECONNREFUSED" })) },
      canPlace: async () => ok(reports.length === 0),
    });
    expect((await seen(await answer(request()))).body.error).toMatchObject({ http_code: 503 });
    expect(reports).toEqual([
      [SUPABASE, { name: "mongodb", healthy: false, error: expect.stringContaining("refuses connections") }],
    ]);
  });

  test.each<[string, Partial<SignUpHookOptions>]>([
    ["Supabase does not answer", { canPlace: async () => err(unavailable("away")) }],
    ["asking fails", { canPlace: async () => Promise.reject(new Error("bug")) }],
    ["asking hangs", { canPlace: never }],
    ["a report hangs", { report: never }],
    ["a report is refused", { report: async () => err(unavailable("away")) }],
    ["a report fails", { report: async () => Promise.reject(new Error("bug")) }],
  ])("goes on when nobody knows: %s", async (_, over) => {
    const { answer } = hook({ ...over, totalMs: 100, probeMs: 50 });
    expect(await seen(await answer(request()))).toEqual({ status: 200, body: {} });
  });

  test("reports what is wrong with a database that answers in its own words", async () => {
    const words = '"atlas" has not been prepared for this version; run: switchyard db prepare atlas';
    const { answer, reports } = hook({ probes: { atlas: async () => ok(words) } });
    expect((await answer(request())).status).toBe(200);
    expect(reports).toEqual([[SUPABASE, { name: "atlas", healthy: false, error: words }]]);
  });

  test("waits for a probe that hangs only so long, and reports it", async () => {
    const { answer, reports } = hook({ probes: { mongodb: never }, probeMs: 30 });
    expect((await answer(request())).status).toBe(200);
    expect(reports).toEqual([
      [SUPABASE, { name: "mongodb", healthy: false, error: "The database does not answer in time." }],
    ]);
  });

  test("shares a look at the databases with those of the next seconds, but asks for places each time", async () => {
    let now = 0;
    const probe = vi.fn(async () => ok(null));
    const canPlace = vi.fn(async () => ok(true));
    const { answer, reports } = hook({ probes: { mongodb: probe }, canPlace, clock: () => now });
    await Promise.all([answer(request()), answer(request()), answer(request())]);
    expect([probe.mock.calls.length, reports.length, canPlace.mock.calls.length]).toEqual([1, 1, 3]);
    now = 60_000;
    await answer(request());
    expect([probe.mock.calls.length, reports.length]).toEqual([2, 2]);
  });
});

describe("signatures", () => {
  const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);

  test.each([
    ["the first secret", [signature(NEW, NOW)]],
    ["the second, while secrets are being changed", [signature(OLD, NOW)]],
    ["both", [signature(NEW, NOW), signature(OLD, NOW)]],
    ["an unknown one first", [signature(secretOf("who"), NOW), signature(OLD, NOW)]],
  ])("are good with %s", async (_, signatures) => {
    expect((await hook().answer(request({ signatures }))).status).toBe(200);
  });

  test.each([
    ["another secret", { signatures: [signature(secretOf("who"), NOW)] }],
    ["another body", { signatures: [signature(NEW, NOW, `${BODY} `)] }],
    ["nothing", { signatures: [] }],
    ["something that is no signature", { signatures: ["v1,AAAA", "x", "v2"] }],
    ["another version", { signatures: [signature(NEW, NOW).replace("v1,", "v2,")] }],
    ["an old time", { signatures: [signature(NEW, ago(600))], at: ago(600) }],
    ["a time to come", { signatures: [signature(NEW, ago(-600))], at: ago(-600) }],
    ["a time that is not the signed one", { signatures: [signature(NEW, ago(60))] }],
    ["a time that is none", { headers: { "webhook-timestamp": "soon" } }],
    ["another id", { headers: { "webhook-id": "msg_2" } }],
  ])("are refused with %s, and no database is asked", async (_, given) => {
    const canPlace = vi.fn(async () => ok(true));
    const { answer, reports } = hook({ canPlace });
    expect((await answer(request(given))).status).toBe(401);
    expect(canPlace).not.toHaveBeenCalled();
    expect(reports).toEqual([]);
  });

  test.each([
    ["23 bytes", `whsec_${Buffer.alloc(23, "x").toString("base64")}`, /23 bytes.*openssl rand -base64 32/],
    ["nothing behind the prefix", "v1,whsec_", /not base64/],
    ["plain words", "v1,whsec_correct horse battery staple, again", /not base64/],
    ["a short one beside a good one", `${secretOf("good")}|v1,whsec_YWJj`, /3 bytes/],
  ])("are verified with no secret of %s", (_, secrets, told) => {
    expect(() => webhookVerifier(secrets)).toThrow(told);
    expect(() => webhookVerifier(`whsec_${Buffer.alloc(24, "x").toString("base64")}`)).not.toThrow();
  });

  test("are refused where no secret is configured", async () => {
    expect((await hook({ verify: webhookVerifier("") }).answer(request())).status).toBe(401);
  });
});

describe("requests", () => {
  test("of another method, media type or size are refused before anything else", async () => {
    const { answer } = hook();
    expect((await answer(new Request("http://hook"))).status).toBe(405);
    expect((await answer(request({ headers: { "content-type": "text/plain" } }))).status).toBe(415);
    expect((await answer(request({ body: "x".repeat(300_000) }))).status).toBe(413);
    expect((await answer(request({ headers: { "content-length": "99999999" } }))).status).toBe(413);
  });

  test("that stream more than is read are cut off", async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const endless = new Request("http://hook", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      duplex: "half",
    } as RequestInit);
    expect((await hook().answer(endless)).status).toBe(413);
    expect(sent).toBeLessThan(1_000_000);
  });
});
