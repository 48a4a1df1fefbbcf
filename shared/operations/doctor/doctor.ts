/** Tests a configured system end to end, and leaves it as it was. */
import { accountChecks } from "./accounts.ts";
import { type Finding, type RunOptions, runChecks } from "./check.ts";
import { connectionChecks } from "./connections.ts";
import { hookChecks } from "./hooks.ts";
import { mongoChecks } from "./mongo.ts";
import { inspectControl, postgresChecks } from "./postgres.ts";
import { redisChecks } from "./redis.ts";
import type { Subject } from "./subject.ts";
import { createThrowaways } from "./throwaway.ts";

const CLEAN_UP = "users: the doctor's own is deleted";

/**
 * All findings. What was made for it is deleted at the end, also of a run that is cancelled; that is the last finding. Connects
 * to whatever is configured, and closes those connections.
 */
export async function examine(subject: Subject, options: RunOptions): Promise<Finding[]> {
  const inspect = inspectControl(subject);
  const throwaways = createThrowaways(subject.service);
  const mongo = mongoChecks(subject);
  const redis = redisChecks(subject);
  try {
    const found = await runChecks(
      [
        ...connectionChecks(subject),
        ...postgresChecks(subject, inspect),
        ...mongo.checks,
        ...redis.checks,
        ...hookChecks(subject, inspect),
        ...accountChecks(subject, inspect, throwaways),
      ],
      options,
    );
    const { cancel: _, ...uncancelled } = options;
    const [last] = await runChecks(
      [
        {
          name: CLEAN_UP,
          fix: "Run this again in ten minutes: it deletes the users switchyard-doctor-...@doctor.invalid that are left.",
          run: async () => {
            const count = await throwaways.remove();
            return { state: "pass", says: count === 0 ? "there was none" : `${count} deleted` };
          },
        },
      ],
      uncancelled,
    );
    return last ? [...found, last] : found;
  } finally {
    await Promise.all([mongo.close(), redis.close()]);
  }
}
