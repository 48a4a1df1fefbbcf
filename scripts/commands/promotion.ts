/** `switchyard replication promote|demote`: the copy as what is written while Supabase is away, and home again. */
import type { Collection } from "../../shared/definition/define.ts";
import { isTwoWay } from "../../shared/definition/define.ts";
import type { OpenReplication } from "../../shared/operations/open-replication.ts";
import { demote, promote } from "../../shared/replication/promotion.ts";
import { type Command, JSON_OPTION, json, orRefuse, Refused, WrongUse } from "./command.ts";
import { collectionsIn, copyOf, opened, tell } from "./replication.ts";

/** The mirrored ones that are meant: all of them, where "all" is said, because records refer to each other. */
function mirrored(replication: OpenReplication, name: string): readonly Collection[] {
  const found = collectionsIn(replication, name === "all" ? undefined : name).filter((each) => !isTwoWay(each));
  if (found.length === 0)
    throw new WrongUse(`${name} is written in both databases as it is: while one is away it is written in the other.`);
  return found;
}

export const promoteReplication: Command = {
  name: "replication promote",
  usage: "<collection>|all mongodb [--force] [--json]",
  about: "While Supabase is away: makes the copy what is written. Late writes of Supabase become conflicts.",
  options: { ...JSON_OPTION, force: { type: "boolean" } },
  positionals: { least: 2, most: 2 },
  run: ({ positionals: [name = "", target], values }, io) => {
    if (target !== "mongodb") throw new WrongUse(`Copies are in MongoDB: promote ${name} mongodb`);
    return opened(io, async (replication) => {
      const { mongo } = await copyOf(replication);
      const done = [];
      for (const collection of mirrored(replication, name)) {
        const options = { source: replication.source, mongo, collection, force: values.force === true };
        const { completeUpTo, epoch } = orRefuse(await promote(options));
        done.push({ collection: collection.name, complete_up_to: completeUpTo, epoch });
        if (!values.json)
          io.out(
            `${collection.name} is written in MongoDB within seconds. ${
              completeUpTo
                ? `What Supabase took after ${completeUpTo.toISOString()} is not in it yet, and becomes a conflict where it was changed here, too.`
                : "How complete it is nobody knows."
            }`,
          );
      }
      io.out(values.json ? json(done) : "Once Supabase is back: switchyard replication demote");
    });
  },
};

export const demoteReplication: Command = {
  name: "replication demote",
  usage: "<collection>|all [--json]",
  about: "Brings home what was written in a promoted copy, keeps every conflict, and ends when both sides are equal.",
  options: JSON_OPTION,
  positionals: { least: 1, most: 1 },
  run: ({ positionals: [name = ""], values }, io) =>
    opened(io, async (replication, { requestMs }) => {
      const { mongo, run } = await copyOf(replication);
      const done = [];
      for (const collection of mirrored(replication, name)) {
        const options = { source: replication.source, mongo, collection, copy: run, requestMs };
        const { rows, differences, epoch } = orRefuse(await demote(options));
        done.push({ collection: collection.name, rows, differences, epoch });
        if (!values.json && differences.length === 0)
          io.out(`${collection.name} is home: ${rows} rows, the same on both sides.`);
      }
      const differences = done.flatMap((each) => each.differences);
      if (values.json) io.out(json(done));
      else tell(io, differences);
      if (differences.length > 0)
        throw new Refused(
          "Both sides differ, so it stays where it is. Run: switchyard replication repair, and repeat this.",
        );
      const { conflicts = 0 } = orRefuse(await replication.source.status()) as { conflicts?: number };
      if (conflicts > 0 && !values.json)
        io.out(`${conflicts} conflicts are kept for you: switchyard replication conflicts`);
    }),
};
