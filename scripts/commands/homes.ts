/** `switchyard homes assign`: homes for users from before Switchyard. */
import { assignHomes } from "../../shared/operations/assign-homes.ts";
import { type Command, JSON_OPTION, json, orRefuse, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

const BATCH_SIZE = 500;
const MAX_BATCH_SIZE = 1_000;

export const homes: Command = {
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
      const onProgress = (progress: { assigned: number; remaining: number }) => {
        if (!values.json) out(`${progress.assigned} assigned, ${progress.remaining} to go.`);
      };
      const total = orRefuse(await assignHomes(assignments, { batchSize, to, onProgress }));
      out(values.json ? json({ assigned: total, remaining: 0 }) : done(total));
    });
  },
};

const done = (total: number) =>
  total === 0 ? "Every user has a home: nothing to do." : `Done: ${total} users got a home, and every user has one.`;
