/** CSV per RFC 4180, page by page, so that an export of any size takes the memory of two pages and of the names in it. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../shared/contract/errors.ts";
import type { ListQuery } from "../shared/contract/query.ts";
import type { Page } from "../shared/contract/repository.ts";
import { type Column, toCell } from "./_csv-cells.ts";
import { type Named, Names } from "./_csv-names.ts";
import { patience } from "./_patience.ts";

type Row = Record<string, unknown>;

export interface CsvExport {
  columns: readonly Column[];
  repository: Named;
  query: ListQuery;
  first: Page<Row>;
  /** the records that a column's names are of; called once for each collection, when a page first needs it */
  named: (target: string) => Promise<Named>;
  /** begin with a byte order mark, without which some spreadsheets take UTF-8 for something else */
  bom?: boolean;
  wait?: (ms: number) => Promise<unknown>;
}

/**
 * The export as a stream, from its first page on. A database that goes away in the middle ends the connection with an
 * error: a truncated file that looks whole would be worse. One that is busy is asked for the page again, for as long as
 * the repository's deadline lets it.
 */
export function csvStream({ columns, repository, query, first, named, bom = false, wait }: CsvExport) {
  const encoder = new TextEncoder();
  const directories = new Map<string, Names>();
  let page: Page<Row> | undefined = first;
  let isWanted = true;
  const patiently = patience(wait, () => isWanted);
  let head = `${bom ? "\uFEFF" : ""}${columns.map(({ name }) => toCell(name, false)).join(",")}\r\n`;

  const namesIn = async (items: readonly Row[], { field, target }: NonNullable<Column["nameOf"]>) => {
    const ids = new Set(items.map((record) => record[field]).filter((id) => typeof id === "string"));
    if (ids.size === 0) return new Map<string, string>();
    const names = directories.get(target) ?? new Names(await named(target), patiently);
    directories.set(target, names);
    return orThrow(await names.of(ids));
  };
  const linesOf = async (items: readonly Row[]) => {
    const lookUps = new Map<Column, ReadonlyMap<string, string>>();
    for (const column of columns) if (column.nameOf) lookUps.set(column, await namesIn(items, column.nameOf));
    const shownOf = (record: Row, column: Column) => {
      if (column.nameOf) return lookUps.get(column)?.get(String(record[column.nameOf.field]));
      const value = record[column.name];
      return column.isJson && value !== null ? JSON.stringify(value) : value;
    };
    return items.map(
      (record) => `${columns.map((column) => toCell(shownOf(record, column), column.isBare)).join(",")}\r\n`,
    );
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!page) return controller.close();
      controller.enqueue(encoder.encode(head + (await linesOf(page.items)).join("")));
      head = "";
      if (page.next_cursor === null) {
        page = undefined;
        return controller.close();
      }
      const following = { ...query, cursor: page.next_cursor };
      page = orThrow(await patiently(() => repository.list(following)));
    },
    cancel() {
      isWanted = false;
    },
  });
}

function orThrow<T>(result: Result<T, RepositoryError>): T {
  if (result.isErr()) throw new Error(result.error.message, { cause: result.error });
  return result.value;
}
