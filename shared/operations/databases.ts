/** The list of databases that can be homes, as an operator reads and changes it. */
import { err, ok, type Result } from "neverthrow";
import { notFound, type RepositoryError } from "../contract/errors.ts";
import type { Assignments, DatabaseRow, DatabaseSettings } from "../placement/assignment.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

/** One row. `not_found`: there is no database of that name. */
async function findDatabase(control: Assignments, name: string): Answer<DatabaseRow> {
  const rows = await control.databases();
  return rows.andThen((all) => {
    const row = all.find((each) => each.name === name);
    return row ? ok(row) : err(notFound(`There is no database named "${name}". See: switchyard databases`));
  });
}

/** Changes what is given, and answers with the row as it is then. `invalid_input`: there is no database of that name. */
export async function setDatabase(control: Assignments, name: string, settings: DatabaseSettings): Answer<DatabaseRow> {
  const set = await control.setDatabase(name, settings);
  return set.isErr() ? err(set.error) : findDatabase(control, name);
}

export interface Drained {
  row: DatabaseRow;
  /** false: nobody can sign up any more */
  isAnyAccepting: boolean;
}

/** Takes a database out of the choice of new users. Those who are at home there stay, and are counted in the answer. */
export async function drainDatabase(control: Assignments, name: string): Answer<Drained> {
  const row = await setDatabase(control, name, { accepting: false });
  if (row.isErr()) return err(row.error);
  const rows = await control.databases();
  return rows.map((all) => ({ row: row.value, isAnyAccepting: all.some(({ accepting }) => accepting) }));
}
