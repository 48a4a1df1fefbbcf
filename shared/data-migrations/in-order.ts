/** Which migrations are to be run, and in which order: umzug's part. What is done, it is told by the control plane. */

import { err, ok, type Result } from "neverthrow";
import { Umzug } from "umzug";
import { invalid, notFound, type RepositoryError } from "../contract/errors.ts";
import type { Direction } from "./change.ts";
import type { ListedMigration } from "./control.ts";
import type { LoadedMigration } from "./run.ts";

export interface Asked {
  direction: Direction;
  /** that one, too, and none beyond it; absent: up, all; down, the last one */
  to?: string | undefined;
}

/** By whom a migration is seen as done: one that was interrupted is to be gone on with in either direction. */
const DONE: Readonly<Record<Direction, readonly ListedMigration["state"][]>> = {
  up: ["done"],
  down: ["done", "running", "reverting"],
};

/** The files to be run, first things first. `not_found`: there is no such migration to be run. `invalid`: one cannot be taken back. */
export async function inOrder(
  files: readonly LoadedMigration[],
  listed: readonly ListedMigration[],
  { direction, to }: Asked,
): Promise<Result<LoadedMigration[], RepositoryError>> {
  const known = new Map(files.map((file) => [file.name, file]));
  if (to !== undefined && !known.has(to))
    return err(notFound(`There is no data migration "${to}". See migrate status.`));
  const done = listed.filter(({ state }) => DONE[direction].includes(state)).map(({ name }) => name);
  if (to !== undefined && done.includes(to) !== (direction === "down"))
    return err(notFound(`"${to}" is ${direction === "up" ? "done already" : "not done"}. See migrate status.`));
  const names: string[] = [];
  const note = async ({ name }: { name: string }): Promise<void> => void names.push(name);
  const umzug = new Umzug({
    migrations: [...known.keys()].sort().map((name) => ({ name, up: note, down: note })),
    // a run writes down itself how it ended, when it gives its lease back
    storage: { executed: async () => done, logMigration: async () => {}, unlogMigration: async () => {} },
    logger: undefined,
  });
  await umzug[direction](to === undefined ? {} : { to });
  const wanted = names.flatMap((name) => known.get(name) ?? []);
  const fixed = direction === "down" ? wanted.filter(({ migration }) => !migration.down) : [];
  if (fixed.length > 0)
    return err(
      invalid(
        "invalid_input",
        `${fixed.map(({ name }) => name).join(", ")} cannot be taken back: there is no down. Nothing was changed.`,
      ),
    );
  return ok(wanted);
}
