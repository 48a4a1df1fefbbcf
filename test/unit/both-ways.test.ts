/** Both directions of copying: each goes on whatever becomes of the other, and again where it has made work for the other. */
import { err, ok } from "neverthrow";
import { expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import { copyBothWays } from "../../shared/replication/both-ways.ts";
import type { CollectReport } from "../../shared/replication/collector.ts";
import type { CopyReport } from "../../shared/replication/worker.ts";

const COPIED: CopyReport = { copied: 0, stale: 0, refused: 0, concurrent: 0, isDrained: true };
const COLLECTED: CollectReport = { sent: 0, merged: 0, stale: 0, waiting: 0, refused: 0, isDrained: true };
const away = unavailable("MongoDB does not answer.");

/** Each time what the next of the list says, and at the end the last again. */
function saying<T>(...answers: T[]) {
  let calls = 0;
  return {
    run: async () => answers[Math.min(calls++, answers.length - 1)] as T,
    get calls() {
      return calls;
    },
  };
}

test("the one has run when the other fails", async () => {
  const collector = saying(ok({ ...COLLECTED, sent: 3 }));
  expect((await copyBothWays({ worker: saying(err(away)), collector }))._unsafeUnwrapErr()).toBe(away);
  expect(collector.calls).toBe(1);
  const worker = saying(ok({ ...COPIED, copied: 3 }));
  expect((await copyBothWays({ worker, collector: saying(err(away)) }))._unsafeUnwrapErr()).toBe(away);
  expect(worker.calls).toBe(1);
});

test("what was merged is copied back, and what both had changed is collected, in the same run", async () => {
  const worker = saying(ok({ ...COPIED, copied: 1, concurrent: 1 }), ok({ ...COPIED, copied: 2 }));
  const collector = saying(ok({ ...COLLECTED, sent: 4 }), ok({ ...COLLECTED, merged: 1 }), ok(COLLECTED));
  const done = (await copyBothWays({ worker, collector }))._unsafeUnwrap();
  expect(done).toEqual({ ...COPIED, copied: 5, concurrent: 1, collected: { ...COLLECTED, sent: 4, merged: 1 } });
  expect([worker.calls, collector.calls]).toEqual([3, 3]);
});

test("it ends when its time is over, or others are faster again and again", async () => {
  let now = 0;
  const clock = () => {
    now += 10;
    return now;
  };
  const worker = saying(ok({ ...COPIED, concurrent: 1 }));
  const collector = saying(ok({ ...COLLECTED, merged: 1 }));
  expect((await copyBothWays({ worker, collector }, 5, clock)).isOk()).toBe(true);
  expect(worker.calls).toBe(1);
  expect((await copyBothWays({ worker, collector }))._unsafeUnwrap().collected.merged).toBeLessThan(10);
});
