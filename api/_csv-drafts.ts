/** The rows of a CSV file as values of a collection, before any schema has seen them. */
import { ok } from "neverthrow";
import type { FieldError } from "../shared/contract/errors.ts";
import type { Answer } from "../shared/contract/repository.ts";
import type { Collection } from "../shared/definition/define.ts";
import { type Column, fromCell, jsonIn, SYSTEM_COLUMNS, unguarded } from "./_csv-cells.ts";
import type { Names } from "./_csv-names.ts";
import type { CsvFile, CsvRow } from "./_csv-rows.ts";
import { ProblemError } from "./_problem.ts";

export interface Draft {
  line: number;
  /** of the columns that the file has; `id` only where the cell holds one */
  values: Record<string, unknown>;
  /** what no schema can tell */
  errors: FieldError[];
}

/** Throws 422 for columns that the collection does not have, or that are there twice: a misspelt one would be lost. */
export function checkHeader(header: readonly string[], columns: readonly Column[], owner: string): void {
  const known = new Set([...columns.map(({ name }) => name), owner]);
  const names = columns.map(({ name }) => name).filter((name) => !SYSTEM_COLUMNS.some((own) => own === name));
  const errors = header.flatMap((name, at): FieldError[] => {
    if (!known.has(name))
      return [
        { field: name, code: "unknown_field", message: `There is no column ${name}; there are ${names.join(", ")}.` },
      ];
    return header.indexOf(name) < at
      ? [{ field: name, code: "repeated", message: `Give the column ${name} once.` }]
      : [];
  });
  if (header.every((name) => name === ""))
    throw new ProblemError({
      status: 422,
      code: "invalid_input",
      detail: "The file has no header: begin with the names of its columns.",
    });
  if (errors.length > 0)
    throw new ProblemError({
      status: 422,
      code: "invalid_input",
      detail: "The header does not fit the collection.",
      errors,
    });
}

/** `namesOf` gives the names of a collection's records, for rows that name what they refer to instead of giving its id. */
export async function draftsOf(
  collection: Collection,
  { header, rows }: CsvFile,
  columns: readonly Column[],
  namesOf: (target: string) => Promise<Names>,
): Answer<Draft[]> {
  const drafts: Draft[] = [];
  for (const row of rows) {
    const draft = draftOf(collection, header, row);
    for (const { name, nameOf } of columns) {
      const given = unguarded(row.cells[header.indexOf(name)] ?? "").trim();
      if (!nameOf || given === "" || draft.values[nameOf.field] !== undefined) continue;
      const ids = await (await namesOf(nameOf.target)).ids();
      if (ids.isErr()) return ids.map(() => drafts);
      const [id, ...others] = ids.value.get(given) ?? [];
      if (id !== undefined && others.length === 0) draft.values[nameOf.field] = id;
      else draft.errors.push(notOne(name, nameOf, id === undefined));
    }
    drafts.push(draft);
  }
  return ok(drafts);
}

const notOne = (column: string, { field, target }: { field: string; target: string }, isNone: boolean): FieldError => ({
  field: column,
  code: "invalid_reference",
  message: isNone
    ? `There is no record with this name in ${target}. Create it first, or give the id in ${field}.`
    : `Several records in ${target} have this name: give the id in ${field}.`,
});

function draftOf(collection: Collection, header: readonly string[], { line, cells }: CsvRow): Draft {
  const values: Record<string, unknown> = {};
  const errors: FieldError[] = [];
  if (cells.length > header.length)
    errors.push({
      field: "",
      code: "too_many_cells",
      message: `The row has ${cells.length} cells and the header ${header.length}: put texts that hold the separator in quotes.`,
    });
  header.forEach((name, at) => {
    const cell = cells[at] ?? "";
    const field = Object.hasOwn(collection.fields, name) ? collection.fields[name] : undefined;
    if (name === "id" && cell.trim() !== "") values.id = cell.trim();
    if (field?.kind === "json") {
      const read = jsonIn(cell);
      if ("value" in read) values[name] = read.value;
      else errors.push({ field: name, code: "invalid_value", message: read.fault });
    } else if (field) values[name] = fromCell(field, cell);
  });
  return { line, values, errors };
}
