/** Calls of databases that a moment's outage does not end. */
import { setTimeout as wait } from "node:timers/promises";
import { err, ok, type Result } from "neverthrow";
import { isRepositoryError, type RepositoryError } from "../contract/errors.ts";
import { throughOutage } from "../contract/through-outage.ts";

/** What cannot be done, on its way to whoever has begun the run. */
export class Stopped extends Error {
  override readonly name: string = "Stopped";
  readonly error: RepositoryError;
  constructor(error: RepositoryError) {
    super(error.message);
    this.error = error;
  }
}

/** The same of a call of a database or of the control plane: where it was made is for whoever has begun the run to say. */
export class CallFailed extends Stopped {
  override readonly name = "CallFailed";
}

export type Waiting = (ms: number) => Promise<unknown>;
export const waiting: Waiting = (ms) => wait(ms);

/** Of a call that may be repeated, and throws errors of the contract: tried again a few times. Throws `CallFailed`. */
export async function asked<T>(work: () => Promise<T>, waitFor: Waiting): Promise<T> {
  return told(async () => {
    try {
      return ok(await work());
    } catch (error) {
      if (isRepositoryError(error)) return err(error);
      throw error;
    }
  }, waitFor);
}

/** The same of a call that answers a Result. */
export async function told<T>(work: () => Promise<Result<T, RepositoryError>>, waitFor: Waiting): Promise<T> {
  const answer = await throughOutage(work, async (ms) => void (await waitFor(ms)));
  if (answer.isErr()) throw new CallFailed(answer.error);
  return answer.value;
}
