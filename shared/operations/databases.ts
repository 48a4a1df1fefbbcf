/** The list of databases that can be homes, as an operator reads and changes it. */
import { err, ok, type Result } from "neverthrow";
import { notFound, type RepositoryError } from "../contract/errors.ts";
import type { Assignments, DatabaseRow, DatabaseSettings } from "../placement/assignment.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

/** Changes what is given, and answers with the row as it is then. `invalid_input`: there is no database of that name. */
export async function setDatabase(control: Assignments, name: string, settings: DatabaseSettings): Answer<DatabaseRow> {
  return (await change(control, name, settings)).map(({ row }) => row);
}

export interface Drained {
  row: DatabaseRow;
  /** false: nobody can sign up any more */
  isAnyAccepting: boolean;
}

/** Takes a database out of the choice of new users. Those who are at home there stay, and are counted in the answer. */
export async function drainDatabase(control: Assignments, name: string): Answer<Drained> {
  const changed = await change(control, name, { accepting: false });
  return changed.map(({ row, all }) => ({ row, isAnyAccepting: all.some(({ accepting }) => accepting) }));
}

/** The row and all of them, as they are after the change. */
async function change(control: Assignments, name: string, settings: DatabaseSettings) {
  const set = await control.setDatabase(name, settings);
  if (set.isErr()) return err(set.error);
  return (await control.databases()).andThen((all) => {
    const row = all.find((each) => each.name === name);
    return row ? ok({ row, all }) : err(notFound(`There is no database named "${name}". See: switchyard databases`));
  });
}
