/** By what new users' homes are chosen, as an operator changes it. */
import { err, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Assignments } from "../placement/assignment.ts";
import type { createPlacementPolicy, Placement, PlacementPolicy } from "../placement/policy.ts";
import type { Registry } from "../placement/registry.ts";
import { within } from "../values/within.ts";

export interface PolicyOptions {
  control: ReturnType<typeof createPlacementPolicy>;
  assignments: Pick<Assignments, "reportSizes">;
  registry: Registry;
  /** longest time for a measurement, in milliseconds */
  limitMs: number;
}

/**
 * Sets the policy, and answers with what decides from now on. By size, every database that is configured here is measured at
 * once: otherwise count would decide until the next sign-up is checked.
 */
export async function setPolicy(
  { control, assignments, registry, limitMs }: PolicyOptions,
  policy: PlacementPolicy,
): Promise<Result<Placement, RepositoryError>> {
  const set = await control.set(policy);
  if (set.isErr()) return err(set.error);
  if (policy === "size") {
    const sizes = await Promise.all(
      [...registry.values()].map(async ({ name, system }): Promise<[string, number][]> => {
        // one that cannot be measured is named in the answer
        const bytes = await within(limitMs, system.size()).catch(() => null);
        return typeof bytes === "number" ? [[name, bytes]] : [];
      }),
    );
    const reported = await assignments.reportSizes(Object.fromEntries(sizes.flat()));
    if (reported.isErr()) return err(reported.error);
  }
  return control.get();
}
