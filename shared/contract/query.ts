/**
 * Queries as data. What arrives as text in a URL is parsed by `parse-query.ts`; repositories check what they get with
 * `checkQuery`, because a repository is also called by code.
 */
import { z } from "zod";
import type { Collection } from "../definition/define.ts";
import { fieldOf, isScalar } from "../definition/define.ts";
import { comparable, type Field, type FieldKind, uuidSchema } from "../definition/fields.ts";
import { codePoints, isStorable } from "../values/text.ts";
import { type FieldError, invalid, type RepositoryError } from "./errors.ts";

/** `has`: the list holds the value. `null`: the record has no value there (true), or has one (false). */
export type FilterOperator = "eq" | "gte" | "gt" | "lte" | "lt" | "has" | "null";
/** `in`: for code alone, which reads what belongs to the records of one page in one call. See `anyOf`. */
type CodeOperator = FilterOperator | "in";

/** Values are in the API's form: strings for text, decimals, days, instants (UTC, ms) and ids; booleans; safe integers. */
export interface Filter {
  field: string;
  operator: CodeOperator;
  value: string | number | boolean;
}

/** The records of which a reference is one of these ids, at most 200. */
export const anyOf = (field: string, ids: readonly string[]): Filter => ({
  field,
  operator: "in",
  value: ids.join(","),
});
/** The ids of such a filter. */
export const idsIn = ({ value }: Filter): string[] => String(value).split(",").filter(Boolean);

export interface Selection {
  /** at most 50; all have to hold, also several of one field */
  filters: readonly Filter[];
  /** what to look for in the search fields, as typed */
  q?: string | undefined;
}

export interface Sort {
  field: string;
  direction: "asc" | "desc";
}

export interface ListQuery extends Selection {
  /**
   * For code alone, which reads what belongs to the records of one page in one call: the records of these owners, or rooms,
   * instead of the repository's own, at most 200 and without pages behind the first. Whoever asks knows that the caller may.
   */
  owners?: readonly string[] | undefined;
  /** one field or up to three, the first counting most; ties go by created_at, then id, in the direction of the last */
  sort: Sort | readonly Sort[];
  /** 1 to 200 */
  limit: number;
  cursor?: string | undefined;
}

export interface SummaryQuery extends Selection {
  /** a field or `month`; a list counts a record in the group of each of its values; absent: one group per currency */
  by?: string | undefined;
  /** IANA time zone for months of instants; UTC when absent */
  timeZone?: string | undefined;
}

export const MAX_LIMIT = 200;
export const DEFAULT_LIMIT = 50;
export const DEFAULT_SORT: Sort = { field: "created_at", direction: "desc" };
export const MAX_SORTS = 3;
/** Postgres plans each condition: 3,000 of them took 5 seconds. The functions of `*_lists.sql` have the same bound. */
const MAX_FILTERS = 50;
/** Entries that one list has to hold: with all other filters of a collection beside them, the bound above is kept. */
export const MAX_LISTED = 10;
export const MAX_SEARCH_LENGTH = 200;

const RANGED: readonly FieldKind[] = ["money", "decimal", "day", "instant", "integer"];

/** The operators that a field can be filtered with. */
export function operatorsOf({ kind, required }: Pick<Field, "kind" | "required">): readonly FilterOperator[] {
  if (kind === "tags") return ["has"];
  if (kind === "json") return required ? [] : ["null"];
  const compared: FilterOperator[] = RANGED.includes(kind) ? ["eq", "gte", "gt", "lte", "lt"] : ["eq"];
  return required ? compared : [...compared, "null"];
}

/** What that filter on that field may be compared with. */
export function operandOf(field: Field, operator: FilterOperator): z.ZodType {
  if (operator === "null")
    return z.boolean("Write true for records without a value there, or false for those with one.");
  return operator === "has" ? listed(field.maxLength ?? 0) : comparable(field);
}

const listed = (maxLength: number) =>
  z.string().refine((value) => isStorable(value) && codePoints(value) <= maxLength, {
    message: `One entry of the list, of at most ${maxLength} characters.`,
  });

/** The sorts as a list. */
export const sortsOf = (sort: ListQuery["sort"]): readonly Sort[] => ("field" in sort ? [sort] : sort);

/**
 * The whole order of a list: what is sorted by, then created_at, then the id, which no two records share. An id that was
 * made from an idempotency key says nothing of when, so it comes last.
 */
export function orderOf(sort: ListQuery["sort"]): readonly Sort[] {
  const order = [...sortsOf(sort)];
  const direction = order.at(-1)?.direction ?? "asc";
  for (const field of ["created_at", "id"])
    if (!order.some((each) => each.field === field || each.field === "id")) order.push({ field, direction });
  return order;
}

/** Every problem of a query at once; null when a query is fine. */
export function checkQuery(
  collection: Collection,
  query: Partial<ListQuery & SummaryQuery> & Selection,
): RepositoryError | null {
  const errors: FieldError[] = [
    ...query.filters.flatMap((filter) => checkFilter(collection, filter)),
    ...checkSearch(collection, query.q),
  ];
  const add = (field: string, code: string, message: string) => errors.push({ field, code, message });
  if (query.filters.length > MAX_FILTERS) add("", "too_many_filters", `At most ${MAX_FILTERS} filters.`);
  const listed = Map.groupBy(
    query.filters.filter(({ operator }) => operator === "has"),
    ({ field }) => field,
  );
  for (const [field, { length }] of listed)
    if (length > MAX_LISTED) add(`${field}[has]`, "too_many_filters", `At most ${MAX_LISTED} entries of ${field}.`);
  if (query.owners !== undefined) errors.push(...checkIds("", query.owners));
  if (query.sort) errors.push(...checkSort(collection, sortsOf(query.sort)));
  if (query.limit !== undefined && !(Number.isInteger(query.limit) && query.limit >= 1 && query.limit <= MAX_LIMIT))
    add("limit", "out_of_range", `The limit must be a whole number from 1 to ${MAX_LIMIT}.`);
  if (query.by !== undefined && query.by !== "month" && !isGroupable(fieldOf(collection, query.by)))
    add("by", "unknown_field", `${collection.name} cannot be grouped by ${query.by}.`);
  if (query.timeZone !== undefined && !isTimeZone(query.timeZone)) errors.push(UNKNOWN_TIME_ZONE);
  return errors.length > 0 ? notUnderstood(errors) : null;
}

const notUnderstood = (errors: FieldError[]) => invalid("invalid_query", "The query cannot be understood.", errors);

const UNKNOWN_TIME_ZONE: FieldError = {
  field: "tz",
  code: "unknown_time_zone",
  message: "Name a time zone of the IANA database, such as Europe/Berlin.",
};

/** For a zone that this runtime's data has and the database's has not. */
export const unknownTimeZone = (): RepositoryError => notUnderstood([UNKNOWN_TIME_ZONE]);

function checkSort(collection: Collection, sorts: readonly Sort[]): FieldError[] {
  const names = sorts.map(({ field }) => field);
  const wrong = (code: string, message: string): FieldError => ({ field: "sort", code, message });
  const errors = names
    .filter((name) => !isSortable(fieldOf(collection, name)))
    .map((name) => wrong("unknown_field", `${collection.name} cannot be sorted by ${name}.`));
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) errors.push(wrong("repeated", `Sort by ${repeated} once.`));
  if (names.length === 0 || names.length > MAX_SORTS)
    errors.push(wrong("out_of_range", `Sort by 1 to ${MAX_SORTS} fields.`));
  return errors;
}

/** A list counts a record in the group of each of its values; of JSON no two are sure to be alike. */
export const isGroupable = (field: Field | undefined): boolean => field !== undefined && field.kind !== "json";

const isSortable = (field: Field | undefined): boolean => field !== undefined && isScalar(field);

function checkFilter(collection: Collection, { field: name, operator, value }: Filter): FieldError[] {
  const field = fieldOf(collection, name);
  const path = operator === "eq" ? name : `${name}[${operator}]`;
  if (!field) return [{ field: path, code: "unknown_field", message: `${collection.name} has no field ${name}.` }];
  if (operator === "in" && field.kind === "reference") return checkIds(path, idsIn({ field: name, operator, value }));
  if (operator === "in" || !operatorsOf(field).includes(operator)) return [unknownOperator(name, field, operator)];
  const parsed = operandOf(field, operator).safeParse(value);
  return parsed.success
    ? []
    : [{ field: path, code: "invalid_value", message: parsed.error.issues[0]?.message ?? "This value does not fit." }];
}

const checkIds = (path: string, ids: readonly string[]): FieldError[] =>
  ids.length <= MAX_LIMIT && ids.every((id) => uuidSchema.safeParse(id).success)
    ? []
    : [{ field: path, code: "invalid_value", message: `Give at most ${MAX_LIMIT} ids.` }];

/** For a filter that the field does not have: it says which it has. */
export function unknownOperator(name: string, field: Field, operator: string): FieldError {
  const known = operatorsOf(field).map((each) => (each === "eq" ? `${name}=` : `${name}[${each}]=`));
  const path = operator === "eq" ? name : `${name}[${operator}]`;
  const message = known.length > 0 ? `Filter ${name} with ${known.join(", ")}.` : `There is no filter on ${name}.`;
  return { field: path, code: "unknown_operator", message };
}

function checkSearch(collection: Collection, q: string | undefined): FieldError[] {
  if (q === undefined) return [];
  if (collection.search.length === 0)
    return [{ field: "q", code: "not_searchable", message: `${collection.name} has no text to search.` }];
  if (!isStorable(q) || codePoints(q) > MAX_SEARCH_LENGTH)
    return [
      { field: "q", code: "invalid_value", message: `Search for at most ${MAX_SEARCH_LENGTH} characters of text.` },
    ];
  return [];
}

/**
 * True for UTC, GMT and the `Area/Location` names that this runtime's time zone data knows. Offsets are refused, because
 * the engines differ on them, and so are short names: Postgres takes CET and EST for abbreviations, which are the same
 * all year, IST for Israel's time, and spells no letter case.
 */
export function isTimeZone(name: string): boolean {
  if (!/^(UTC|GMT|[A-Z][A-Za-z_]*(\/[A-Z][A-Za-z0-9_+-]*)+)$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
