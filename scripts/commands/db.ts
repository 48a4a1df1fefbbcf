/** `switchyard db prepare`: every database fits the definitions, and takes users. */
import { type PrepareOutcome, prepareDatabases } from "../../shared/operations/prepare-databases.ts";
import { type Command, orRefuse, Refused } from "./command.ts";
import { connected } from "./connect.ts";

export const prepareDatabase: Command = {
  name: "db prepare",
  usage: "[<name>]",
  about: "Prepares every home, or one, for every collection; the first time that succeeds, new users may get it.",
  options: {},
  positionals: { least: 0, most: 1 },
  run: ({ positionals: [name] }, { env, out, err }) =>
    connected(env, async ({ assignments, registry }) => {
      const outcomes = orRefuse(await prepareDatabases(assignments, [...registry.values()], name));
      for (const outcome of outcomes) (outcome.state === "failed" ? err : out)(inWords(outcome));
      const failed = outcomes.filter(({ state }) => state === "failed");
      if (failed.length > 0) throw new Refused(`Not prepared: ${failed.map((each) => each.name).join(", ")}.`);
    }),
};

function inWords({ name, state, reason }: PrepareOutcome): string {
  const said: Record<PrepareOutcome["state"], string> = {
    opened: "prepared. From now on new users may get it as their home.",
    open: "prepared. New users may get it as their home, as before.",
    closed: `prepared. New users do not get it; to change that: switchyard databases set ${name} --accepting=true`,
    migrated: "its schema is brought up to date by its migrations: supabase db push",
    unused: `not used. ${reason}`,
    failed: `${reason}`,
  };
  return `${name}: ${said[state]}`;
}
