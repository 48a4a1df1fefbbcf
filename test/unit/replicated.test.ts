/** Rows with a primary and a replica behind it: who is asked, what is believed, and what is said of where it came from. */
import { err, ok } from "neverthrow";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  busy,
  conflict,
  invalid,
  misconfigured,
  moved,
  notFound,
  type RepositoryError,
  storageFull,
  throttled,
  unavailable,
} from "../../shared/contract/errors.ts";
import type { Answer, Repository } from "../../shared/contract/repository.ts";
import { createLog } from "../../shared/log.ts";
import { createBreaker, FAILURES } from "../../shared/placement/breaker.ts";
import { guardStore } from "../../shared/placement/guarded-store.ts";
import { createReadSources } from "../../shared/placement/read-sources.ts";
import { createReplicatedStore, type ReplicatedOptions } from "../../shared/placement/replicated.ts";
import { createRepository } from "../../shared/repository/create-repository.ts";
import { everyCall } from "../../shared/repository/every-call.ts";
import type { Row, Store } from "../../shared/repository/store.ts";
import { guests } from "../integration/guests.ts";

const PRIMARY_MS = 1_200;
const HOST = "11111111-1111-4111-8111-111111111111";
const COMPLETE = new Date("2026-11-01T12:00:00.000Z");

const idOf = (at: number) => `0192a000-0000-7000-8000-00000000000${at}`;
const guest = (at: number, note: string): Row => ({
  id: idOf(at),
  host_id: HOST,
  name: `Guest ${at}`,
  spent: "1",
  currency: "EUR",
  note,
  version: 1_790_000_000_000_001 + at * 8,
  created_at: `2026-11-01T10:0${at}:00.000Z`,
  updated_at: `2026-11-01T10:0${at}:00.000Z`,
});

/** Rows that are listed by when they were made; filters are the engines' matter. */
function memory(rows: readonly Row[]): Store {
  const find = (id: string) => rows.find((row) => row.id === id);
  return {
    create: async (_, id, values) => ok({ ...guest(9, "made"), ...values, id }),
    update: async (_, id) => ok({ ...guest(9, "changed"), id }),
    delete: async () => ok(undefined),
    get: async (_, id) => (find(id) ? ok({ ...find(id) }) : err(notFound())),
    list: async (_, { after, limit, filters }) =>
      ok(
        rows
          .filter(({ created_at }) => after === undefined || String(created_at) > String(after[0]))
          .filter((row) => filters.every(({ field, operator, value }) => operator !== "eq" || row[field] === value))
          .slice(0, limit)
          .map((row) => ({ ...row })),
      ),
    count: async () => ok(rows.length),
    group: async () => ok([{ key: null, currency: "EUR", count: rows.length, sum: "3", min: "1", max: "1" }]),
  };
}

/** Every call is answered so. */
const always = (answer: () => Answer<never>): Store =>
  Object.fromEntries(
    ["create", "update", "delete", "get", "list", "count", "group"].map((name) => [name, vi.fn(answer)]),
  ) as unknown as Store;
const failing = (error: RepositoryError) => always(async () => err(error));
const AWAY = unavailable("The database did not answer in time.");

const page = { filters: [], sort: { field: "created_at", direction: "asc" }, limit: 2 } as const;
type Guests = Repository<Row, Row, Row>;
const READS: Record<string, (of: Guests) => Answer<unknown>> = {
  get: (of) => of.get(idOf(1)),
  list: (of) => of.list(page),
  count: (of) => of.count({ filters: [] }),
  summarize: (of) => of.summarize({ filters: [] }),
};
const WRITES: Record<string, (of: Guests) => Answer<unknown>> = {
  create: (of) => of.create({ name: "Ann", spent: "1", currency: "EUR" }),
  update: (of) => of.update(idOf(1), { note: "x" }),
  delete: (of) => of.delete(idOf(1)),
};

const silent = createLog({ level: "silent" });

/** `primary` as it is opened for each call. */
function system(primary: Store | ReplicatedOptions["open"], over: Partial<ReplicatedOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const sources = createReadSources();
  const store = createReplicatedStore({
    primary: { name: "supabase", title: "Supabase" },
    breaker: createBreaker("supabase", silent),
    open: typeof primary === "function" ? primary : () => primary,
    replica: memory([guest(1, "copy"), guest(2, "copy"), guest(3, "copy")]),
    completeUpTo: async () => COMPLETE,
    primaryMs: PRIMARY_MS,
    reads: "anywhere",
    sources,
    log: createLog({ level: "info", write: (line) => lines.push(JSON.parse(line)) }),
    ...over,
  });
  const repository = createRepository(guests, store, {
    owner: HOST,
    newId: () => idOf(8),
    collections: [guests],
  }) as unknown as Guests;
  return { repository, sources, lines, store };
}
const code = (answer: Awaited<Answer<unknown>>) => (answer.isErr() ? answer.error.code : "ok");

describe("a primary that answers", () => {
  test.each(Object.keys(READS))("%s: its answer is the answer, and the replica is not asked", async (name) => {
    const replica = failing(AWAY);
    const { repository, sources, lines } = system(memory([guest(1, "own")]), { replica });
    expect(code((await READS[name]?.(repository)) as never)).toBe("ok");
    for (const call of Object.values(replica)) expect(call).not.toHaveBeenCalled();
    expect([sources.source, sources.completeUpTo, lines]).toEqual(["primary", null, []]);
  });

  test.each([
    busy("busy"),
    throttled(),
    misconfigured("mend it"),
    storageFull(),
    moved(),
    notFound(),
    conflict("duplicate", "there"),
    invalid("invalid_query", "no"),
  ])("$code is an answer, too", async (error) => {
    const { repository, sources, lines } = system(failing(error));
    for (const read of Object.values(READS)) expect(code(await read(repository))).toBe(error.code);
    expect(sources.source).toBe(error.kind === "unavailable" ? undefined : "primary");
    expect(lines).toEqual([]);
  });
});

describe("a primary that is away", () => {
  test.each(Object.keys(READS))("%s is answered by the replica, which is said and logged", async (name) => {
    const { repository, sources, lines } = system(failing(AWAY));
    expect(code((await READS[name]?.(repository)) as never)).toBe("ok");
    expect([sources.source, sources.completeUpTo]).toEqual(["replica", COMPLETE]);
    expect(lines).toMatchObject([
      { event: "fallback", collection: "guests", operation: name, database: "supabase", reason: AWAY.message },
    ]);
  });

  test.each(Object.keys(WRITES))("%s is refused: a replica takes no writes", async (name) => {
    const replica = always(async () => ok({}) as never);
    const { repository, sources, lines } = system(failing(AWAY), { replica });
    expect(code((await WRITES[name]?.(repository)) as never)).toBe("unavailable");
    for (const call of Object.values(replica)) expect(call).not.toHaveBeenCalled();
    expect([sources.source, lines]).toEqual([undefined, []]);
  });

  test("without a replica it is unavailable, and so is what decides about a write", async () => {
    for (const over of [{ replica: undefined }, { reads: "primary" }] as const) {
      const { repository, sources } = system(failing(AWAY), over);
      for (const read of Object.values(READS)) expect(code(await read(repository))).toBe("unavailable");
      expect(sources.source).toBeUndefined();
    }
  });

  test("the request does not wait for it twice", async () => {
    const primary = failing(AWAY);
    const { repository } = system(primary);
    expect((await repository.get(idOf(1)))._unsafeUnwrap().note).toBe("copy");
    expect((await repository.list(page))._unsafeUnwrap().items).toHaveLength(2);
    expect(primary.get).toHaveBeenCalledTimes(1);
    expect(primary.list).not.toHaveBeenCalled();
  });

  test("what is sent while it is read is all from where it was begun", async () => {
    const own = memory([guest(1, "own"), guest(2, "own"), guest(3, "own")]);
    let here: Store = own;
    const primary = everyCall((call) => call(here));
    const begunThere = system(primary, { reads: "as-begun" });
    const first = (await begunThere.repository.list(page))._unsafeUnwrap();
    here = failing(AWAY);
    const cursor = String(first.next_cursor);
    expect(code(await begunThere.repository.list({ ...page, cursor }))).toBe("unavailable");

    const begunHere = system(primary, { reads: "as-begun" });
    expect((await begunHere.repository.list(page))._unsafeUnwrap().items[0]?.note).toBe("copy");
    here = own;
    expect((await begunHere.repository.list({ ...page, cursor }))._unsafeUnwrap().items[0]?.note).toBe("copy");
  });

  test("complete up to the earliest of what was read, or not known of all", async () => {
    const times = [COMPLETE, new Date(0), COMPLETE];
    const { repository, sources } = system(failing(AWAY), { completeUpTo: async () => times.shift() ?? null });
    for (let read = 0; read < 3; read++) await repository.get(idOf(1));
    expect(sources.completeUpTo).toEqual(new Date(0));
    await repository.get(idOf(1));
    expect(sources.completeUpTo).toBeNull();
    await repository.get(idOf(1));
    expect([sources.source, sources.completeUpTo]).toEqual(["replica", null]);
  });
});

describe("what a replica does not say", () => {
  const { repository, sources } = system(failing(AWAY));
  const filter = (field: string, operator: "eq" | "gte" | "gt" | "lt", value: string | number) => ({
    filters: [{ field, operator, value }],
  });
  const later = "2026-11-01T12:00:00.001Z";

  test("that there is no such record", async () => {
    expect(code(await repository.get(idOf(7)))).toBe("unavailable");
    expect(code(await repository.list({ ...page, ...filter("id", "eq", idOf(7)) }))).toBe("unavailable");
    expect(code(await repository.list({ ...page, ...filter("id", "eq", idOf(2)) }))).toBe("ok");
    expect((await repository.list({ ...page, ...filter("note", "eq", "no") }))._unsafeUnwrap().items).toEqual([]);
    expect(sources.source).toBe("replica");
  });

  test("what comes after a record that it has not seen", async () => {
    const own = system(memory([guest(1, "own"), guest(4, "own"), guest(5, "own")]));
    const { next_cursor } = (await own.repository.list(page))._unsafeUnwrap();
    expect(code(await repository.list({ ...page, cursor: String(next_cursor) }))).toBe("unavailable");
    const { next_cursor: seen } = (await repository.list(page))._unsafeUnwrap();
    const rest = (await repository.list({ ...page, cursor: String(seen) }))._unsafeUnwrap();
    expect(rest.items.map(({ id }) => id)).toEqual([idOf(3)]);
  });

  test.each([
    filter("created_at", "gte", later),
    filter("updated_at", "gt", later),
    filter("created_at", "eq", later),
    filter("version", "gt", Date.parse(later) * 1_000),
  ])("what was written after it was complete: $filters.0.field", async (selection) => {
    expect(code(await repository.list({ ...page, ...selection }))).toBe("unavailable");
    expect(code(await repository.count(selection))).toBe("unavailable");
    expect(code(await repository.summarize(selection))).toBe("unavailable");
    // of which it knows nothing, either, but nothing was claimed
    const unknown = system(failing(AWAY), { completeUpTo: async () => null });
    expect(code(await unknown.repository.count(selection))).toBe("ok");
  });

  test("up to then it does", async () => {
    for (const field of ["created_at", "updated_at"])
      expect(code(await repository.count(filter(field, "gte", COMPLETE.toISOString())))).toBe("ok");
    expect(code(await repository.count(filter("created_at", "lt", later)))).toBe("ok");
    expect(code(await repository.count(filter("version", "gte", COMPLETE.getTime() * 1_000)))).toBe("ok");
  });

  test.each([invalid("invalid_query", "unknown zone"), busy("busy"), AWAY])(
    "what is wrong with a request, or itself: $code",
    async (error) => {
      const failed = system(failing(AWAY), { replica: failing(error) });
      for (const read of Object.values(READS)) expect(code(await read(failed.repository))).toBe("unavailable");
      expect(failed.sources.source).toBeUndefined();
    },
  );
});

describe("a primary that hangs", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Calls that end when they are given up. */
  const hanging = (signal?: AbortSignal): Store =>
    always(() => new Promise((resolve) => signal?.addEventListener("abort", () => resolve(err(busy("late"))))));

  test("is given up once its part of the time is over", async () => {
    const { repository, sources } = system(hanging);
    const answer = repository.get(idOf(1));
    await vi.advanceTimersByTimeAsync(PRIMARY_MS - 1);
    expect(sources.source).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect((await answer)._unsafeUnwrap().note).toBe("copy");
    expect(sources.source).toBe("replica");
  });

  test("while it answers others it is slow, and keeps the whole time", async () => {
    let heard = 0;
    const late = Promise.withResolvers<void>();
    const slow = (signal?: AbortSignal): Store => ({
      ...memory([]),
      get: (...asked) => Promise.race([late.promise.then(() => ok(guest(1, "own"))), hanging(signal).get(...asked)]),
    });
    const { repository, sources } = system(slow, { breaker: { isOpen: () => false, heard: () => heard++ } });
    const answer = repository.get(idOf(1));
    await vi.advanceTimersByTimeAsync(2 * PRIMARY_MS);
    late.resolve();
    expect((await answer)._unsafeUnwrap().note).toBe("own");
    expect(sources.source).toBe("primary");
  });

  test("one that fell silent after it had answered others is away, and not busy", async () => {
    const breaker = createBreaker("supabase", silent);
    const open = (signal: AbortSignal = new AbortController().signal) =>
      guardStore(async () => ok(hanging()), { breaker, signal, answers: async () => false, clock: Date.now });
    const { repository } = system(open, { breaker });
    const answer = repository.get(idOf(1));
    breaker.hear();
    await vi.advanceTimersByTimeAsync(PRIMARY_MS);
    expect((await answer)._unsafeUnwrap().note).toBe("copy");
  });
});

describe("an open breaker", () => {
  /** One that has opened, and would let a call through. */
  async function opened() {
    const breaker = createBreaker("supabase", silent);
    for (let call = 0; call < FAILURES; call++) await breaker.run(async () => "down");
    expect(breaker.isOpen()).toBe(true);
    return breaker;
  }
  const guarded = (breaker: Awaited<ReturnType<typeof opened>>, store: Store) => (signal?: AbortSignal) =>
    guardStore(async () => ok(store), {
      breaker,
      signal: signal ?? new AbortController().signal,
      answers: async () => false,
      clock: Date.now,
    });

  test("refuses the primary, and the replica answers", async () => {
    const breaker = await opened();
    const primary = failing(AWAY);
    const { repository, lines } = system(guarded(breaker, primary), { breaker });
    for (const read of Object.values(READS)) expect(code(await read(repository))).toBe("ok");
    for (const call of Object.values(primary)) expect(call).not.toHaveBeenCalled();
    expect(lines).toHaveLength(4);
    expect(code(await repository.create({ name: "Ann", spent: "1", currency: "EUR" }))).toBe("unavailable");
  });

  test("the call that looks whether the primary is back keeps nobody waiting", async () => {
    const probing = always(() => new Promise(() => {}));
    const breaker = { isOpen: () => true, heard: () => 0 };
    const { repository, sources } = system(probing, { breaker });
    expect((await repository.get(idOf(1)))._unsafeUnwrap().note).toBe("copy");
    expect(probing.get).toHaveBeenCalledTimes(1);
    expect(sources.source).toBe("replica");
  });

  test("a primary that is back answers where the replica cannot", async () => {
    const breaker = { isOpen: () => true, heard: () => 0 };
    const own = memory([guest(7, "own")]);
    const { repository, sources } = system(own, { breaker });
    expect((await repository.get(idOf(7)))._unsafeUnwrap().note).toBe("own");
    expect(sources.source).toBe("primary");
  });

  test("a bug is thrown where nobody answers", async () => {
    const broken = always(() => Promise.reject(new TypeError("a bug")));
    const breaker = { isOpen: () => true, heard: () => 0 };
    await expect(system(broken, { breaker, replica: failing(AWAY) }).repository.get(idOf(1))).rejects.toThrow("a bug");
    await expect(system(broken).repository.get(idOf(1))).rejects.toThrow("a bug");
  });
});
