/** For what takes many calls: a database that is busy is asked again, for as long as the deadline of the calls lets it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "../shared/contract/repository.ts";

export type Patience = <T>(call: () => Answer<T>) => Answer<T>;

/** `isWanted`: false once nobody waits for the answer any more. */
export const patience =
  (wait: (ms: number) => Promise<unknown> = sleep, isWanted: () => boolean = () => true): Patience =>
  async (call) => {
    for (;;) {
      const answer = await call();
      if (answer.isOk() || answer.error.code !== "busy" || !isWanted()) return answer;
      await wait((answer.error.retryAfterSeconds ?? 1) * 1_000);
      if (!isWanted()) return answer;
    }
  };
