/** Homes for users from before Switchyard. */
import { err, ok, type Result } from "neverthrow";
import { busy, type RepositoryError } from "../contract/errors.ts";
import type { Assignments } from "../placement/assignment.ts";

/** Users whose rows somebody else holds are left out of a batch: so many tries, so far apart, before they are reported. */
const TRIES = 10;
const WAIT_MS = 500;

export interface AssignHomesOptions {
  /** 1,000 at the most: sign-ups wait for a batch */
  batchSize: number;
  /** the home that all of them get; by default the rule of sign-ups decides */
  to?: string | undefined;
  /** told after each batch that gave somebody a home */
  onProgress?: (progress: { assigned: number; remaining: number }) => void;
  wait?: (ms: number) => Promise<void>;
}

const waitFor = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Gives every user without a home one, and says how many got it; safe to run twice and beside sign-ups. */
export async function assignHomes(
  control: Assignments,
  { batchSize, to, onProgress = () => {}, wait = waitFor }: AssignHomesOptions,
): Promise<Result<number, RepositoryError>> {
  let total = 0;
  let triesLeft = TRIES;
  for (;;) {
    const batch = await control.assignMissing(batchSize, to);
    if (batch.isErr()) return err(batch.error);
    const { assigned, remaining } = batch.value;
    total += assigned;
    if (assigned > 0) onProgress({ assigned: total, remaining });
    if (remaining === 0) return ok(total);
    if (assigned > 0) triesLeft = TRIES;
    else if (--triesLeft > 0) await wait(WAIT_MS);
    else return err(busy(`${remaining} users are locked by somebody else: ${total} assigned. Run this again later.`));
  }
}
