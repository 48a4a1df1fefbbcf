/** What stands between a request and its repository: a call is never begun once its caller has been answered. */
import { ok } from "neverthrow";
import { expect, test, vi } from "vitest";
import type { Repository } from "../../shared/contract/repository.ts";
import { createLog } from "../../shared/log.ts";
import { createBreaker } from "../../shared/placement/breaker.ts";
import { guardRepository } from "../../shared/placement/guarded-repository.ts";

type Row = Record<string, unknown>;

test("a repository that is opened after the deadline is not called", async () => {
  const deadline = new AbortController();
  const create = vi.fn(async () => ok({}));
  const opening = Promise.withResolvers<Repository<Row, Row, Row>>();
  const repository = guardRepository(() => opening.promise, {
    breaker: createBreaker("mongodb", createLog({ level: "error" })),
    signal: deadline.signal,
    answers: async () => true,
    clock: Date.now,
  });
  const answer = repository.create({});
  deadline.abort();
  expect((await answer)._unsafeUnwrapErr().code).toBe("unavailable");
  opening.resolve({ create } as unknown as Repository<Row, Row, Row>);
  await new Promise((resolve) => setImmediate(resolve));
  expect(create).not.toHaveBeenCalled();
});
