/**
 * Queries from the parameters of a URL: `limit`, `cursor`, `sort=-date,name`, `q`, `by`, `tz`, and filters `field=value`,
 * `field[gte]=value`, `tags[has]=value` or `field[null]=true`. Anything else is refused by name: a misspelt filter that is ignored would show other records.
 */
import { err, ok, type Result } from "neverthrow";
import { type Collection, fieldOf } from "../definition/define.ts";
import type { Field, FieldKind } from "../definition/fields.ts";
import { type FieldError, invalid, type RepositoryError } from "./errors.ts";
import {
  checkQuery,
  DEFAULT_LIMIT,
  DEFAULT_SORT,
  type Filter,
  isTimeZone,
  type ListQuery,
  MAX_SORTS,
  operandOf,
  operatorsOf,
  type Selection,
  type Sort,
  type SummaryQuery,
  unknownOperator,
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
  const seen = new Set<string>();
  for (const [name, value] of parameters) {
    if (extra.includes(name)) continue;
    if (seen.has(name) && !isRepeatable(collection, name))
      errors.push({ field: name, code: "repeated", message: `Give ${name} once.` });
    else if (OWN_PARAMETERS[kind].includes(name)) own.set(name, value);
    else parseFilter(collection, name, value, filters, errors);
    seen.add(name);
  }
  const sort = parseSort(collection, own.get("sort"), errors);
  const q = own.get("q") || undefined;
  const query =
    kind === "list"
      ? { filters, q, sort, limit: parseLimit(own.get("limit"), errors), cursor: own.get("cursor") }
      : kind === "summary"
        ? { filters, q, by: own.get("by"), timeZone: parseTimeZone(collection, own, errors) }
        : { filters, q };
  if (errors.length > 0) return err(invalid("invalid_query", "The query cannot be understood.", errors));
  const problem = checkQuery(collection, query);
  return problem ? err(problem) : ok(query as unknown as ParsedQuery<K>);
}

/** Several values that a list has to hold are meant; of all else a second one contradicts the first. */
const isRepeatable = (collection: Collection, name: string): boolean => parts(collection, name)?.operator === "has";

function parseLimit(text: string | undefined, errors: FieldError[]): number {
  if (text === undefined) return DEFAULT_LIMIT;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  errors.push({ field: "limit", code: "invalid_value", message: "The limit must be a whole number." });
  return DEFAULT_LIMIT;
}

function parseSort(collection: Collection, text: string | undefined, errors: FieldError[]): readonly Sort[] {
  if (text === undefined) return [DEFAULT_SORT];
  const sorts = text.split(",").map((part): Sort => {
    const descending = part.startsWith("-");
    return { field: descending ? part.slice(1) : part, direction: descending ? "desc" : "asc" };
  });
  if (sorts.every(({ field }) => collection.sorts.includes(field))) return sorts;
  errors.push({
    field: "sort",
    code: "unknown_field",
    message: `Sort by ${collection.sorts.join(", ")}: up to ${MAX_SORTS} with commas between, each with a minus in front for descending.`,
  });
  return [DEFAULT_SORT];
}

/** Taken where it matters only: an instant is in another month elsewhere, a calendar day is not. */
function parseTimeZone(collection: Collection, own: ReadonlyMap<string, string>, errors: FieldError[]) {
  const zone = own.get("tz");
  if (zone === undefined) return undefined;
  if (!takesTimeZone(collection))
    errors.push({
      field: "tz",
      code: "no_effect",
      message: `Leave out tz: the month of ${collection.name} is that of ${collection.monthOf}, a calendar day, which no time zone changes.`,
    });
  else if (own.get("by") !== "month")
    errors.push({ field: "tz", code: "no_effect", message: "Leave out tz: it is for by=month." });
  return unescapedPlus(zone, isTimeZone) ? refusePlus("tz", errors) : zone;
}

/** Whether the months of its summaries depend on a time zone. */
export const takesTimeZone = (collection: Collection): boolean =>
  fieldOf(collection, collection.monthOf)?.kind === "instant";

interface FilterName {
  fieldName: string;
  field: Field;
  operator: string;
}

function parts(collection: Collection, name: string): FilterName | undefined {
  const [, fieldName = "", operator = "eq"] = /^([a-z][a-z0-9_]*)(?:\[([a-z]{1,20})\])?$/.exec(name) ?? [];
  const field = fieldOf(collection, fieldName);
  return field && { fieldName, field, operator };
}

function parseFilter(collection: Collection, name: string, text: string, filters: Filter[], errors: FieldError[]) {
  const filter = parts(collection, name);
  if (!filter) {
    errors.push({ field: name, code: "unknown_parameter", message: `There is no parameter ${name} here.` });
    return;
  }
  const { fieldName, field } = filter;
  const operator = operatorsOf(field).find((each) => each === filter.operator);
  if (!operator) {
    errors.push(unknownOperator(fieldName, field, filter.operator));
    return;
  }
  const schema = operandOf(field, operator);
  const read = (given: string) => schema.safeParse(fromText(operator === "null" ? "boolean" : field.kind, given));
  const value = read(text);
  if (value.success) filters.push({ field: fieldName, operator, value: value.data as Filter["value"] });
  else if (unescapedPlus(text, (given) => read(given).success)) refusePlus(name, errors);
  else
    errors.push({
      field: name,
      code: "invalid_value",
      message: value.error.issues[0]?.message ?? "This value does not fit.",
    });
}

/** Whether the text would fit if its spaces were what a URL has for a space, and somebody has meant: a plus. */
const unescapedPlus = (text: string, fits: (text: string) => boolean): boolean =>
  text.includes(" ") && !fits(text) && fits(text.replaceAll(" ", "+"));

function refusePlus(field: string, errors: FieldError[]): undefined {
  errors.push({ field, code: "invalid_value", message: "In a URL a + is a space: write the + as %2B." });
}

/** The value that a parameter's text stands for; what does not fit stays text, for the schema to refuse. */
function fromText(kind: FieldKind, text: string): unknown {
  if (kind === "boolean") return text === "true" ? true : text === "false" ? false : text;
  if (kind === "integer") return /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  return text;
}
