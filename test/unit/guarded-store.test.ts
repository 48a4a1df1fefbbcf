/** What stands between a request and its store: what becomes of calls whose callers have been answered. */
import { ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { createLog } from "../../shared/log.ts";
import { createBreaker, FAILURES } from "../../shared/placement/breaker.ts";
import { guardStore } from "../../shared/placement/guarded-store.ts";
import type { Store } from "../../shared/repository/store.ts";

test("a store that is opened after the deadline is not called", async () => {
  const deadline = new AbortController();
  const create = vi.fn(async () => ok({}));
  const opening = Promise.withResolvers<Store>();
  const store = guardStore(async () => ok(await opening.promise), {
    breaker: createBreaker("mongodb", createLog({ level: "error" })),
    signal: deadline.signal,
    answers: async () => true,
    clock: Date.now,
  });
  const answer = store.create(contacts, "", {});
  deadline.abort();
  expect((await answer)._unsafeUnwrapErr().code).toBe("unavailable");
  opening.resolve({ create } as unknown as Store);
  await new Promise((resolve) => setImmediate(resolve));
  expect(create).not.toHaveBeenCalled();
});

test("a database that answers again is not down for what was sent to it before", async () => {
  const breaker = createBreaker("mongodb", createLog({ level: "silent" }));
  const deadline = new AbortController();
  const look = Promise.withResolvers<boolean>();
  const guard = { breaker, clock: Date.now, answers: () => look.promise };
  const late = guardStore(() => new Promise(() => {}), { ...guard, signal: deadline.signal });
  const calls = Array.from({ length: FAILURES }, () => late.get(contacts, ""));
  deadline.abort();
  for (const answer of await Promise.all(calls)) expect(answer._unsafeUnwrapErr().code).toBe("unavailable");
  const here = { get: async () => ok({}) } as unknown as Store;
  const store = guardStore(async () => ok(here), { ...guard, signal: new AbortController().signal });
  expect((await store.get(contacts, "")).isOk()).toBe(true);
  // it was begun while nothing was heard
  look.resolve(false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(breaker.isOpen()).toBe(false);
});
