/** What stands between a request and its store: a call is never begun once its caller has been answered. */
import { ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { createLog } from "../../shared/log.ts";
import { createBreaker } from "../../shared/placement/breaker.ts";
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
