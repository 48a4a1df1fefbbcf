import { err, ok, type Result } from "neverthrow";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { busy, notFound, type RepositoryError, unavailable } from "../../shared/contract/errors.ts";
import { createLog } from "../../shared/log.ts";
import { createBreaker, FAILURES, HALF_OPEN_MS } from "../../shared/placement/breaker.ts";
import { type Guard, guarded } from "../../shared/placement/guarded-store.ts";

type Answer = Result<string, RepositoryError>;

const log = createLog({ level: "silent" });
const refusal = unavailable("The server is gone.", { code: "ECONNREFUSED" });
let breaker = createBreaker("mongodb", log);
let calls = 0;

const guard = (over: Partial<Guard> = {}): Guard => ({
  breaker,
  signal: new AbortController().signal,
  answers: async () => false,
  clock: Date.now,
  ...over,
});
const call = (answer: Answer | Promise<Answer>, over: Partial<Guard> = {}) =>
  guarded(guard(over), async () => {
    calls++;
    return answer;
  });
async function open() {
  for (let failures = 0; failures < FAILURES; failures++) await call(err(refusal));
  calls = 0;
}

beforeEach(() => {
  vi.useFakeTimers();
  breaker = createBreaker("mongodb", log);
  calls = 0;
});
afterEach(() => void vi.useRealTimers());

describe("the breaker", () => {
  test("lets calls through, and their results", async () => {
    expect(await call(ok("a"))).toEqual(ok("a"));
    expect(breaker.isOpen()).toBe(false);
  });

  test("opens after so many calls in a row that the database did not answer", async () => {
    for (let failures = 1; failures < FAILURES; failures++) await call(err(refusal));
    expect(breaker.isOpen()).toBe(false);
    expect((await call(err(refusal)))._unsafeUnwrapErr()).toBe(refusal);
    expect(breaker.isOpen()).toBe(true);
  });

  test("open, refuses at once, makes no call and says when to come back", async () => {
    await open();
    for (let more = 0; more < 20; more++) {
      const { code, retryAfterSeconds } = (await call(ok("a")))._unsafeUnwrapErr();
      expect({ code, retryAfterSeconds }).toEqual({ code: "unavailable", retryAfterSeconds: HALF_OPEN_MS / 1000 });
    }
    expect(calls).toBe(0);
  });

  test("does not count what a caller can cause", async () => {
    for (let more = 0; more < FAILURES * 3; more++) await call(err(notFound()));
    expect(breaker.isOpen()).toBe(false);
  });

  test("does not count contention, however much of it there is, and passes it on", async () => {
    const contention = busy("Others are at this record.");
    for (let more = 0; more < FAILURES * 3; more++)
      expect((await call(err(contention)))._unsafeUnwrapErr()).toBe(contention);
    expect(breaker.isOpen()).toBe(false);
  });

  test("counts in a row only", async () => {
    for (let more = 0; more < FAILURES * 3; more++) await call(more % 2 ? ok("a") : err(refusal));
    expect(breaker.isOpen()).toBe(false);
  });

  test("half open, lets one call through and refuses the others without making them wait", async () => {
    await open();
    vi.advanceTimersByTime(HALF_OPEN_MS);
    const slow = Promise.withResolvers<Answer>();
    const probe = call(slow.promise);
    const others = await Promise.all([call(ok("b")), call(ok("c")), call(ok("d"))]);
    expect(others.every((other) => other.isErr())).toBe(true);
    expect(calls).toBe(1);
    slow.resolve(ok("a"));
    expect(await probe).toEqual(ok("a"));
    await vi.advanceTimersByTimeAsync(0);
    expect(await call(ok("e"))).toEqual(ok("e"));
  });

  test("says once that it is open, however many probes fail, and once that it is closed", async () => {
    const events: unknown[] = [];
    const write = (line: string) => void events.push(JSON.parse(line).event);
    breaker = createBreaker("mongodb", createLog({ level: "info", write }));
    for (let outage = 0; outage < 2; outage++) {
      await open();
      for (let probes = 0; probes < 3; probes++) {
        vi.advanceTimersByTime(HALF_OPEN_MS);
        await call(err(refusal));
      }
      vi.advanceTimersByTime(HALF_OPEN_MS);
      await call(ok("back"));
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(events).toEqual(["breaker_open", "breaker_closed", "breaker_open", "breaker_closed"]);
  });

  test("opens again when the probe fails, and closes when a later one is answered", async () => {
    await open();
    vi.advanceTimersByTime(HALF_OPEN_MS);
    await call(err(refusal));
    await call(ok("refused"));
    expect(calls).toBe(1);
    vi.advanceTimersByTime(HALF_OPEN_MS);
    expect(await call(ok("a"))).toEqual(ok("a"));
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.isOpen()).toBe(false);
  });

  test("closes when the probe's answer is a refusal of its own", async () => {
    await open();
    vi.advanceTimersByTime(HALF_OPEN_MS);
    await call(err(notFound()));
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.isOpen()).toBe(false);
  });
});

describe("the deadline", () => {
  const never = new Promise<Answer>(() => {});
  async function timedOut(answers: () => Promise<boolean>) {
    const controller = new AbortController();
    const answer = call(never, { signal: controller.signal, answers });
    controller.abort(new DOMException("too late", "TimeoutError"));
    const result = await answer;
    await vi.advanceTimersByTimeAsync(0);
    return result._unsafeUnwrapErr().code;
  }

  test("answers although the call never does, and opens the breaker when the database hangs", async () => {
    for (let more = 0; more < FAILURES; more++) expect(await timedOut(async () => false)).toBe("unavailable");
    expect(breaker.isOpen()).toBe(true);
  });

  test("slow queries of a database that answers do not open the breaker", async () => {
    for (let more = 0; more < FAILURES * 3; more++) expect(await timedOut(async () => true)).toBe("unavailable");
    expect(breaker.isOpen()).toBe(false);
  });

  test.each([
    ["a call that a client gave up", { ...unavailable("Supabase does not answer."), isUnheard: true }],
    ["a pool that is full", { ...busy("Too much at once."), isUnheard: true }],
  ])("%s says nothing: the database is asked, and the caller does not wait for that", async (_, unheard) => {
    const unknown = call(err(unheard), { answers: () => new Promise(() => {}) });
    expect((await unknown)._unsafeUnwrapErr()).toBe(unheard);
    for (let more = 0; more < FAILURES * 3; more++) await call(err(unheard), { answers: async () => true });
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.isOpen()).toBe(false);
    for (let more = 0; more < FAILURES; more++) await call(err(unheard), { answers: async () => false });
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.isOpen()).toBe(true);
  });

  test("a call that is too late while others are answered is busy: nobody is asked, and no breaker opens", async () => {
    const answers = vi.fn(async () => false);
    for (let more = 0; more < FAILURES * 3; more++) {
      const controller = new AbortController();
      const late = call(never, { signal: controller.signal, answers });
      await call(more % 2 ? ok("a") : err(notFound()));
      controller.abort(new DOMException("too late", "TimeoutError"));
      expect((await late)._unsafeUnwrapErr()).toMatchObject({ code: "busy", retryAfterSeconds: 1 });
    }
    await vi.advanceTimersByTimeAsync(0);
    expect([answers.mock.calls.length, breaker.isOpen()]).toEqual([0, false]);
  });

  test("an answer that is too late for its own caller says that the database answers", async () => {
    const slow = Promise.withResolvers<Answer>();
    const [first, second] = [new AbortController(), new AbortController()];
    const own = call(slow.promise, { signal: first.signal });
    first.abort();
    expect((await own)._unsafeUnwrapErr().code).toBe("unavailable");
    const late = call(never, { signal: second.signal });
    slow.resolve(ok("a"));
    await vi.advanceTimersByTimeAsync(0);
    second.abort();
    expect((await late)._unsafeUnwrapErr().code).toBe("busy");
  });

  test("the caller does not wait until the database's health is known", async () => {
    expect(await timedOut(() => new Promise(() => {}))).toBe("unavailable");
  });

  test("no call is made once it has passed, and that counts for nothing", async () => {
    for (let more = 0; more < FAILURES * 2; more++)
      expect((await call(ok("a"), { signal: AbortSignal.abort() })).isErr()).toBe(true);
    expect(calls).toBe(0);
    expect(breaker.isOpen()).toBe(false);
  });

  test("each call's time is told", async () => {
    const told: number[] = [];
    await call(ok("a"), { onCall: (ms) => told.push(ms) });
    expect(told).toEqual([0]);
  });

  test("bugs are thrown, not swallowed", async () => {
    const broken = guarded(guard(), async () => {
      throw new TypeError("a bug");
    });
    await expect(broken).rejects.toThrow("a bug");
  });
});
