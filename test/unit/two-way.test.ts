/** Rows that two databases write: who is asked, what is done again elsewhere, and when a writer is told that it is done. */
import { err, ok } from "neverthrow";
import { describe, expect, test, vi } from "vitest";
import { conflict, notFound, type RepositoryError, unavailable } from "../../shared/contract/errors.ts";
import type { Answer } from "../../shared/contract/repository.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { createLog } from "../../shared/log.ts";
import type { FallbackKnows } from "../../shared/placement/fallback-state.ts";
import { mergePages } from "../../shared/placement/merge-rows.ts";
import { createReadSources } from "../../shared/placement/read-sources.ts";
import { createTwoWayStore, type TwoWayOptions } from "../../shared/placement/two-way.ts";
import type { Row, Store } from "../../shared/repository/store.ts";
import { compareText } from "../../shared/values/text.ts";
import { guests } from "../integration/guests.ts";

const collection = guests as unknown as Collection;
const AWAY = unavailable("The database did not answer in time.");
/** From when all know that somebody reads behind the primary. */
const KNOWN_AT = 4_711;
const UP_TO = new Date("2026-11-01T12:00:00.000Z");

const idOf = (at: number) => `0192a000-0000-7000-8000-00000000000${at}`;
const row = (at: number, note: string, version = at): Row => ({
  ...{ id: idOf(at), note, version, created_at: `2026-11-01T10:0${at}:00.000Z` },
});

/** Newest first, as far as this file goes. */
function shelf(...rows: Row[]): Store & { rows: Map<unknown, Row> } {
  const kept = new Map<unknown, Row>(rows.map((each) => [each.id, each]));
  const found = (id: string): ReturnType<Store["get"]> => {
    const there = kept.get(id);
    return Promise.resolve(there ? ok({ ...there }) : err(notFound()));
  };
  const changed = async (id: string, changes: Row, expected?: number): Answer<Row> =>
    (await found(id)).andThen((there) => {
      if (expected !== undefined && there.version !== expected) return err(conflict("version_mismatch", "another"));
      const after = { ...there, ...changes, version: Number(there.version) + 8 };
      kept.set(id, after);
      return ok(after);
    });
  return {
    rows: kept,
    create: async (_, id, values) => {
      const made = { version: 9, created_at: "2026-11-01T10:09:00.000Z", ...values, id };
      kept.set(id, made);
      return ok(made);
    },
    get: (_, id) => found(id),
    list: async (_, { limit, order: [sort] }) =>
      ok(
        [...kept.values()]
          .sort(
            (a, b) => (sort?.direction === "desc" ? -1 : 1) * compareText(String(a.created_at), String(b.created_at)),
          )
          .slice(0, limit),
      ),
    update: (_, id, changes, expected) => changed(id, changes, expected),
    delete: async (_, id) => (kept.delete(id) ? ok(undefined) : err(notFound())),
    count: async () => ok(kept.size),
    group: async () => ok([]),
  };
}
const failing = (error: RepositoryError): Store =>
  Object.fromEntries(
    ["create", "update", "delete", "get", "list", "count", "group"].map((name) => [
      name,
      vi.fn(async () => err(error)),
    ]),
  ) as unknown as Store;

const KNOWS: FallbackKnows = {
  isOn: true,
  isPending: false,
  oldestPendingMs: null,
  completeUpTo: UP_TO,
  isReadHere: false,
};

function system(primary: Store, behind: Store, knows: Partial<FallbackKnows> = {}, over: Partial<TwoWayOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const sources = createReadSources();
  const announce = vi.fn(async () => {});
  const catchUp = vi.fn(async (_since?: number) => {});
  const known = { ...KNOWS, ...knows };
  const store = createTwoWayStore({
    primary: { name: "mongodb", title: "MongoDB" },
    breaker: { isOpen: () => false, heard: () => 0 },
    open: () => primary,
    primaryMs: 1_000,
    behind,
    state: {
      read: async () => known,
      readWriting: async () => known,
      readBehind: async () => ({ known, knownToAllAt: KNOWN_AT }),
      announce,
    },
    catchUp,
    sources,
    log: createLog({ level: "info", write: (line) => lines.push(JSON.parse(line)) }),
    ...over,
  });
  return { store, sources, lines, announce, catchUp };
}
const OPEN = { isOpen: () => true, heard: () => 0 };
const page = {
  filters: [],
  order: [
    { field: "created_at", direction: "desc" },
    { field: "id", direction: "desc" },
  ],
  limit: 2,
} as const;
const notesIn = async (answer: Answer<Row[]>) => (await answer)._unsafeUnwrap().map(({ note }) => note);
const codeOf = async (answer: Answer<unknown>) =>
  (await answer).match(
    () => "ok",
    ({ code }) => code,
  );

describe("reads", () => {
  test("are the primary's alone while nothing is pending behind it", async () => {
    const behind = failing(AWAY);
    const { store, sources } = system(shelf(row(1, "own")), behind);
    expect(await notesIn(store.list(collection, page))).toEqual(["own"]);
    expect(behind.list).not.toHaveBeenCalled();
    expect(sources.source).toBe("primary");
  });

  test("have what is pending merged in, each record once, in its newer version", async () => {
    const here = shelf(row(1, "first"), row(2, "old"), row(4, "fourth"));
    const { store, sources } = system(here, shelf(row(1, "first"), row(2, "edited", 20), row(3, "third")), {
      isPending: true,
    });
    expect(await notesIn(store.list(collection, { ...page, limit: 5 }))).toEqual([
      "fourth",
      "third",
      "edited",
      "first",
    ]);
    expect(await notesIn(store.list(collection, page))).toEqual(["fourth", "third"]);
    for (const [at, note] of [
      [2, "edited"],
      [3, "third"],
      [4, "fourth"],
    ] as const)
      expect((await store.get(collection, idOf(at)))._unsafeUnwrap().note).toBe(note);
    expect(await codeOf(store.get(collection, idOf(5)))).toBe("not_found");
    expect(sources.source).toBe("primary");
  });

  test("of a primary that is away come from behind it, once that was brought up, and say up to when", async () => {
    const { store, sources, lines, catchUp } = system(failing(AWAY), shelf(row(1, "copy")));
    expect(await notesIn(store.list(collection, page))).toEqual(["copy"]);
    expect(catchUp.mock.calls).toEqual([[KNOWN_AT]]);
    expect([sources.source, sources.completeUpTo]).toEqual(["replica", UP_TO]);
    expect(lines).toMatchObject([{ event: "fallback", operation: "list", database: "mongodb", collection: "guests" }]);
    // what is not there may be in the primary
    expect(await codeOf(store.get(collection, idOf(2)))).toBe("unavailable");
  });

  test("are unavailable where nothing has ever been copied", async () => {
    const { store } = system(failing(AWAY), shelf(), { isOn: false, completeUpTo: null });
    expect(await codeOf(store.list(collection, page))).toBe("unavailable");
  });
});

describe("creates", () => {
  test("that time out are made behind it under the same id, and announced", async () => {
    const behind = shelf();
    const { store, announce, sources } = system(failing(AWAY), behind);
    expect(await codeOf(store.create(collection, idOf(7), { note: "posted" }))).toBe("ok");
    expect([...behind.rows.keys()]).toEqual([idOf(7)]);
    expect(announce).toHaveBeenCalledTimes(1);
    expect(sources.source).toBe("replica");
  });

  test("are not made where nobody would bring them to the primary", async () => {
    const behind = shelf();
    for (const over of [{}, { breaker: OPEN }]) {
      const { store } = system(failing(AWAY), behind, { isOn: false }, over);
      expect(await codeOf(store.create(collection, idOf(7), { note: "posted" }))).toBe("unavailable");
    }
    expect(behind.rows.size).toBe(0);
  });

  test("that the primary refuses are refused", async () => {
    const behind = failing(AWAY);
    const { store } = system(failing(conflict("duplicate", "there")), behind);
    expect(await codeOf(store.create(collection, idOf(7), {}))).toBe("duplicate");
    expect(behind.create).not.toHaveBeenCalled();
  });
});

describe("changes", () => {
  const CHANGES: Record<string, (store: Store, expected?: number) => Answer<unknown>> = {
    update: (store, expected) => store.update(collection, idOf(1), { note: "edited" }, expected),
    delete: (store, expected) => store.delete(collection, idOf(1), expected),
  };

  test.each(Object.keys(CHANGES))("%s: one whose outcome is unknown is not tried elsewhere", async (name) => {
    const behind = failing(AWAY);
    const { store } = system(failing(AWAY), behind);
    expect(await codeOf((CHANGES[name] as never as (store: Store) => Answer<unknown>)(store))).toBe("unavailable");
    for (const call of [behind.update, behind.delete]) expect(call).not.toHaveBeenCalled();
  });

  test.each(Object.keys(CHANGES))(
    "%s goes behind a primary that is known to be away, and is announced",
    async (name) => {
      const primary = failing(AWAY);
      const { store, announce, lines } = system(primary, shelf(row(1, "there")), {}, { breaker: OPEN });
      expect(await codeOf((CHANGES[name] as never as (store: Store) => Answer<unknown>)(store))).toBe("ok");
      for (const call of [primary.update, primary.delete]) expect(call).not.toHaveBeenCalled();
      // it is asked for the record, so that it is noticed when it is back
      expect(primary.get).toHaveBeenCalled();
      expect(announce).toHaveBeenCalledTimes(1);
      expect(lines).toMatchObject([{ event: "fallback", operation: name }]);
    },
  );

  test("of what the one behind it has not seen are unavailable, and not refused", async () => {
    const { store } = system(failing(AWAY), shelf(row(1, "older", 8)), {}, { breaker: OPEN });
    const change = (id: string, expected?: number) =>
      codeOf(store.update(collection, id, { note: "edited" }, expected));
    expect(await change(idOf(2))).toBe("unavailable");
    expect(await change(idOf(1), 16)).toBe("unavailable");
    // it has something newer than the caller has seen
    expect(await change(idOf(1), 1)).toBe("version_mismatch");
  });

  test("of what is still on its way to the primary are made once it is there", async () => {
    const here = shelf();
    const catchUp = vi.fn(async () => void here.rows.set(idOf(1), row(1, "arrived")));
    const { store } = system(here, shelf(row(1, "arrived")), { isPending: true }, { catchUp });
    expect(await codeOf(store.update(collection, idOf(1), { note: "edited" }))).toBe("ok");
    const late = system(shelf(), shelf(row(1, "x")), { isPending: true });
    expect(await codeOf(late.store.update(collection, idOf(1), {}))).toBe("busy");
    const none = system(shelf(), shelf());
    expect(await codeOf(none.store.update(collection, idOf(1), {}))).toBe("not_found");
  });
});

test("writes in a primary that somebody does not reach are done once they are copied to where those read", async () => {
  const WRITES: readonly ((store: Store) => Answer<unknown>)[] = [
    (store) => store.create(collection, idOf(7), { note: "posted" }),
    (store) => store.update(collection, idOf(1), { note: "edited" }),
    (store) => store.delete(collection, idOf(1)),
  ];
  for (const write of WRITES)
    for (const isReadHere of [true, false]) {
      const { store, catchUp } = system(shelf(row(1, "there")), shelf(), { isReadHere });
      expect(await codeOf(write(store))).toBe("ok");
      // whatever is believed of whoever copies: this one does reach the primary
      expect(catchUp.mock.calls).toEqual(isReadHere ? [[Number.POSITIVE_INFINITY]] : []);
    }
});

describe("reads that must be whole", () => {
  const whole = (
    primary: Store,
    behind: Store,
    knows: Partial<FallbackKnows> = {},
    over: Partial<TwoWayOptions> = {},
  ) => system(primary, behind, knows, { reads: "primary", ...over }).store.list(collection, { ...page, limit: 5 });

  test("have what is pending behind the primary, too", async () => {
    expect(await notesIn(whole(shelf(row(1, "own")), shelf(row(2, "behind")), { isPending: true }))).toEqual([
      "behind",
      "own",
    ]);
    expect(await notesIn(whole(shelf(row(1, "own")), failing(AWAY)))).toEqual(["own"]);
  });

  test("are no copy's while the primary is away, and nobody's while one of them cannot tell", async () => {
    const some = () => shelf(row(1, "copy"));
    expect(await codeOf(whole(failing(AWAY), some()))).toBe("unavailable");
    expect(await codeOf(whole(some(), failing(AWAY), { isPending: true }))).toBe("unavailable");
    const state = {
      read: async () => null,
      readWriting: async () => null,
      readBehind: async () => ({ known: null, knownToAllAt: 0 }),
      announce: async () => {},
    };
    expect(await codeOf(whole(some(), some(), {}, { state }))).toBe("unavailable");
  });
});

test("merged pages sort as the databases do", () => {
  const order = [
    { field: "spent", direction: "asc" },
    { field: "id", direction: "asc" },
  ] as const;
  const spent = (at: number, amount: string | null): Row => ({ ...row(at, ""), spent: amount });
  const merged = mergePages(collection, order, 9, [
    [spent(1, null), spent(2, "9.5")],
    [spent(3, "10"), spent(4, "-1")],
  ]);
  expect(merged.map((each) => each.spent)).toEqual([null, "-1", "9.5", "10"]);
});
