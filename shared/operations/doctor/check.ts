/**
 * What the doctor does with checks: one after the other, each with a deadline, and none whose ground has given way. What a
 * check throws is its failure, so that whatever happens there is a line for each.
 */
import { downReason } from "../../placement/down-reason.ts";
import { within } from "../../values/within.ts";

/** `warning`: it works, and there is something to know. `fix` is what the operator does. */
export type Outcome =
  | { readonly state: "pass"; readonly says: string }
  | { readonly state: "warning" | "failure"; readonly says: string; readonly fix: string };

export interface Check {
  /** unique, in the order of the subjects: "mongodb: indexes" */
  readonly name: string;
  /** names of checks that have to have passed, perhaps with a warning; those that are not there do not count */
  readonly needs?: readonly string[];
  /** what to do where it throws, or is late */
  readonly fix: string;
  readonly run: () => Promise<Outcome>;
}

export interface Finding {
  readonly name: string;
  readonly state: Outcome["state"] | "skipped";
  readonly says: string;
  /** absent where there is nothing to do */
  readonly fix?: string;
  readonly ms: number;
}

export const pass = (says: string): Outcome => ({ state: "pass", says });
export const warning = (says: string, fix: string): Outcome => ({ state: "warning", says, fix });
export const failure = (says: string, fix: string): Outcome => ({ state: "failure", says, fix });

export interface RunOptions {
  /** for each check, in milliseconds */
  deadlineMs: number;
  /** none is begun after it; what has been begun is waited for */
  cancel?: AbortSignal | undefined;
  onFinding?: (finding: Finding) => void;
  clock?: () => number;
}

/** All findings, in the order of the checks. Never rejects because of a check. */
export async function runChecks(
  checks: readonly Check[],
  { deadlineMs, cancel, onFinding = () => {}, clock = () => performance.now() }: RunOptions,
): Promise<Finding[]> {
  const found = new Map<string, Finding>();
  for (const check of checks) {
    const { name, needs = [] } = check;
    const began = clock();
    const missing = needs.find((need) => /^(failure|skipped)$/.test(found.get(need)?.state ?? ""));
    const finding = cancel?.aborted
      ? ({ name, state: "skipped", says: "because this was interrupted", ms: 0 } as const)
      : missing !== undefined
        ? ({ name, state: "skipped", says: `because "${missing}" failed`, ms: 0 } as const)
        : { name, ...(await outcomeOf(check, deadlineMs)), ms: Math.round(clock() - began) };
    found.set(name, finding);
    onFinding(finding);
  }
  return [...found.values()];
}

async function outcomeOf({ fix, run }: Check, deadlineMs: number): Promise<Outcome> {
  try {
    return (await within(deadlineMs, run())) ?? failure(`There was no answer within ${deadlineMs / 1_000} s.`, fix);
  } catch (error) {
    return failure(wordsFor(error), fix);
  }
}

/** Ours are sentences; a driver's may have an address in it, and its code says more. */
function wordsFor(error: unknown): string {
  const said = downReason("It", error);
  return said === downReason("It", {}) && error instanceof Error ? `${error.name}: ${error.message}` : said;
}
