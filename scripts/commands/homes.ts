/** `switchyard homes assign`: homes for users from before Switchyard. */
import { type Command, JSON_OPTION, json, orRefuse, Refused, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

const BATCH_SIZE = 500;
const MAX_BATCH_SIZE = 1_000;
/** Users whose rows somebody else holds are left out of a batch: so many tries, so far apart, before they are reported. */
const TRIES = 10;
const WAIT_MS = 500;

export const assignHomes: Command = {
  name: "homes assign",
  usage: "[--to=<database>] [--batch-size=<users>] [--json]",
  about: "Gives every user without a home one; safe to run twice and beside sign-ups.",
  options: { ...JSON_OPTION, to: { type: "string" }, "batch-size": { type: "string" } },
  positionals: 0,
  run({ values }, { env, out }) {
    const batchSize = Number(values["batch-size"] ?? BATCH_SIZE);
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > MAX_BATCH_SIZE)
      throw new WrongUse(`--batch-size is a number from 1 to ${MAX_BATCH_SIZE}.`);
    const to = values.to === undefined ? undefined : String(values.to);
    return connected(env, async ({ assignments }) => {
      let total = 0;
      let triesLeft = TRIES;
      for (;;) {
        const { assigned, remaining } = orRefuse(await assignments.assignMissing(batchSize, to));
        total += assigned;
        if (!values.json && assigned > 0) out(`${total} assigned, ${remaining} to go.`);
        if (remaining === 0) break;
        if (assigned > 0) triesLeft = TRIES;
        else if (--triesLeft > 0) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
        else
          throw new Refused(`${remaining} users are locked by somebody else: ${total} assigned. Run this again later.`);
      }
      out(values.json ? json({ assigned: total, remaining: 0 }) : done(total));
    });
  },
};

const done = (total: number) =>
  total === 0 ? "Every user has a home: nothing to do." : `Done: ${total} users got a home, and every user has one.`;
