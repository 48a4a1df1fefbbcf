/**
 * Histories as rounds: in each, some things happen one after the other or at the same time, while the way to MongoDB is open,
 * slow, refused, or hangs. Who pauses between two steps goes on at the end of the round, with what was true before.
 */
import fc from "fast-check";
import type { TcpProxy } from "../failure/proxy.ts";

/** `inOrder`: one after the other, and not at the same time. */
export type Round<A> = { actions: A[]; inOrder: boolean; copy: "pass" | "refuse" | "hang" | "slow" };

export const roundsOf = <A>(actions: fc.Arbitrary<A>): fc.Arbitrary<Round<A>> =>
  fc.record({
    actions: fc.array(actions, { minLength: 1, maxLength: 10 }),
    inOrder: fc.boolean(),
    copy: fc.oneof(
      { weight: 10, arbitrary: fc.constant("pass" as const) },
      { weight: 2, arbitrary: fc.constant("refuse" as const) },
      { weight: 1, arbitrary: fc.constant("slow" as const) },
      { weight: 1, arbitrary: fc.constant("hang" as const) },
    ),
  });

/** Told when somebody pauses, and resolves when they may go on. */
export type Pause = () => Promise<void>;
const NO_PAUSE: Pause = async () => {};

/** What a process that dies at a step throws there. */
class Died extends Error {}

/** Called between two steps: pauses once at the one, and dies at the other. */
export function interruptedAt<S>(pauses: S | undefined, dies: S | undefined, pause: Pause): (step: S) => Promise<void> {
  let hasPaused = false;
  return async (step) => {
    if (step === pauses && !hasPaused) {
      hasPaused = true;
      await pause();
    }
    if (step === dies) throw new Died();
  };
}

export const orDied = async (work: Promise<unknown>): Promise<void> => {
  await work.catch((error) => {
    if (!(error instanceof Died)) throw error;
  });
};

export interface Player<A> {
  proxy: Pick<TcpProxy, "set">;
  run: (action: A, pause: Pause) => Promise<void>;
  isPausing: (action: A) => boolean;
}

/** Everything of it has ended when it has, and the way to MongoDB is open. */
export async function play<A>(history: readonly Round<A>[], { proxy, run, isPausing }: Player<A>): Promise<void> {
  for (const { actions, inOrder, copy } of history) {
    await proxy.set(copy);
    const released = Promise.withResolvers<void>();
    const pausing: Promise<void>[] = [];
    for (const action of actions.filter(isPausing)) {
      const paused = Promise.withResolvers<void>();
      const ended = run(action, () => {
        paused.resolve();
        return released.promise;
      });
      pausing.push(ended);
      await Promise.race([paused.promise, ended]);
    }
    const others = actions.filter((action) => !isPausing(action));
    if (inOrder) for (const action of others) await run(action, NO_PAUSE);
    else await Promise.all(others.map((action) => run(action, NO_PAUSE)));
    released.resolve();
    await Promise.all(pausing);
  }
  await proxy.set("pass");
}
