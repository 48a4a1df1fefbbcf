/** Calls that a moment's outage is not to end: tried again a few times, where that can help. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "./errors.ts";

const WAITS_MS = [200, 500, 1_000, 2_000, 4_000];

/** `work` may be repeated. Gives its last answer. */
export async function throughOutage<T>(
  work: () => Promise<Result<T, RepositoryError>>,
  wait: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Promise<Result<T, RepositoryError>> {
  for (const ms of WAITS_MS) {
    const answer = await work();
    if (answer.isOk() || !isPassing(answer.error)) return answer;
    await wait(ms);
  }
  return work();
}

const isPassing = ({ kind, code }: RepositoryError): boolean =>
  kind === "unavailable" && !["misconfigured", "storage_full", "no_capacity"].includes(code);
