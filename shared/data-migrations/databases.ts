/** Where the records of a collection are: what a migration goes over, and what a look at all of them. */
import { err, ok, type Result } from "neverthrow";
import { misconfigured, type RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { DatabaseRow } from "../placement/assignment.ts";
import { variableOf } from "../placement/database-names.ts";
import type { Database } from "../repository/database.ts";

/** As much of a database as is needed. */
export type MigratedDatabase = Pick<Database, "name" | "changes">;

/** As much of a row of `switchyard.databases`. */
export type ListedDatabase = Pick<DatabaseRow, "name" | "opened_at" | "accepting" | "user_count">;

/** One that was never opened has no records, and need not be configured. */
const mayHaveRecords = ({ opened_at, accepting, user_count }: ListedDatabase): boolean =>
  opened_at !== null || accepting || user_count > 0;

/**
 * The home of every user for what is kept at home, otherwise the database that it is written in: from there the change comes to
 * the copies by itself. `misconfigured`: one of them is not configured here, and its records would stay as they are.
 */
export function databasesOf(
  { name, placement }: Collection,
  databases: ReadonlyMap<string, MigratedDatabase>,
  listed: readonly ListedDatabase[],
): Result<MigratedDatabase[], RepositoryError> {
  const names =
    placement.kind === "home"
      ? listed.filter(mayHaveRecords).map((database) => database.name)
      : [placement.kind === "pinned" ? placement.database : placement.primary];
  const missing = names.filter((each) => !databases.has(each));
  if (missing.length > 0)
    return err(
      misconfigured(
        `Records of ${name} may be in ${missing.join(", ")}, and nothing here says how to reach it: set ${missing.map(variableOf).join(", ")}.`,
      ),
    );
  return ok(names.sort().flatMap((each) => databases.get(each) ?? []));
}
