/**
 * Queries from the parameters of a URL: `limit`, `cursor`, `sort=-date`, `q`, `by`, `tz`, and filters `field=value` or
 * `field[gte]=value`. Anything else is refused by name: a misspelt filter that is ignored would show other records.
 */
import { err, ok, type Result } from "neverthrow";
import { type Collection, fieldOf } from "../definition/define.ts";
import { comparable, type Field } from "../definition/fields.ts";
import { type FieldError, invalid, type RepositoryError } from "./errors.ts";
import {
  checkQuery,
  DEFAULT_LIMIT,
  DEFAULT_SORT,
  type Filter,
  type FilterOperator,
  type ListQuery,
  type Selection,
  type Sort,
  type SummaryQuery,
} from "./query.ts";

export type QueryKind = "list" | "selection" | "summary";
export type ParsedQuery<K extends QueryKind> = K extends "list"
  ? ListQuery
  : K extends "summary"
    ? SummaryQuery
    : Selection;

const OWN_PARAMETERS: Record<QueryKind, readonly string[]> = {
  list: ["limit", "cursor", "sort", "q"],
  selection: ["q"],
  summary: ["q", "by", "tz"],
};

/** A checked query, or `invalid_query` that names every parameter at fault. `extra`: parameters read by the caller. */
export function parseQuery<K extends QueryKind>(
  kind: K,
  collection: Collection,
  parameters: URLSearchParams,
  extra: readonly string[] = [],
): Result<ParsedQuery<K>, RepositoryError> {
  const errors: FieldError[] = [];
  const filters: Filter[] = [];
  const own = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (extra.includes(name)) continue;
    if (!OWN_PARAMETERS[kind].includes(name)) parseFilter(collection, name, value, filters, errors);
    else if (own.has(name)) errors.push({ field: name, code: "repeated", message: `Give ${name} once.` });
    else own.set(name, value);
  }
  const sort = parseSort(collection, own.get("sort"), errors);
  const q = own.get("q") || undefined;
  const query =
    kind === "list"
      ? { filters, q, sort, limit: parseLimit(own.get("limit"), errors), cursor: own.get("cursor") }
      : kind === "summary"
        ? { filters, q, by: own.get("by"), timeZone: own.get("tz") }
        : { filters, q };
  if (errors.length > 0) return err(invalid("invalid_query", "The query cannot be understood.", errors));
  const problem = checkQuery(collection, query);
  return problem ? err(problem) : ok(query as unknown as ParsedQuery<K>);
}

function parseLimit(text: string | undefined, errors: FieldError[]): number {
  if (text === undefined) return DEFAULT_LIMIT;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  errors.push({ field: "limit", code: "invalid_value", message: "The limit must be a whole number." });
  return DEFAULT_LIMIT;
}

function parseSort(collection: Collection, text: string | undefined, errors: FieldError[]): Sort {
  if (text === undefined) return DEFAULT_SORT;
  const descending = text.startsWith("-");
  const field = descending ? text.slice(1) : text;
  if (!collection.sorts.includes(field))
    errors.push({
      field: "sort",
      code: "unknown_field",
      message: `Sort by one of ${collection.sorts.join(", ")}, with a minus in front for descending.`,
    });
  return { field, direction: descending ? "desc" : "asc" };
}

function parseFilter(collection: Collection, name: string, text: string, filters: Filter[], errors: FieldError[]) {
  const [, fieldName = "", operator = "eq"] = /^([a-z][a-z0-9_]*)(?:\[(gte|gt|lte|lt)\])?$/.exec(name) ?? [];
  const field = fieldOf(collection, fieldName);
  if (!field) {
    errors.push({ field: name, code: "unknown_parameter", message: `There is no parameter ${name} here.` });
    return;
  }
  const value = comparable(field).safeParse(fromText(field, text));
  if (value.success)
    filters.push({ field: fieldName, operator: operator as FilterOperator, value: value.data as Filter["value"] });
  else
    errors.push({
      field: name,
      code: "invalid_value",
      message: value.error.issues[0]?.message ?? "This value does not fit.",
    });
}

/** The value that a parameter's text stands for; what does not fit stays text, for the schema to refuse. */
function fromText(field: Field, text: string): unknown {
  if (field.kind === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (field.kind === "integer") return /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  return text;
}
