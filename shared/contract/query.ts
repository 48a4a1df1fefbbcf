/**
 * Queries as data. What arrives as text in a URL is parsed by `parse-query.ts`; repositories check what they get with
 * `checkQuery`, because a repository is also called by code.
 */
import type { Collection } from "../definition/define.ts";
import { fieldOf, isScalar } from "../definition/define.ts";
import { comparable, type FieldKind } from "../definition/fields.ts";
import { codePoints, isStorable } from "../values/text.ts";
import { type FieldError, invalid, type RepositoryError } from "./errors.ts";

export type FilterOperator = "eq" | "gte" | "gt" | "lte" | "lt";

/** Values are in the API's form: strings for text, decimals, days, instants (UTC, ms) and ids; booleans; safe integers. */
export interface Filter {
  field: string;
  operator: FilterOperator;
  value: string | number | boolean;
}

export interface Selection {
  filters: readonly Filter[];
  /** what to look for in the search fields, as typed */
  q?: string | undefined;
}

export interface Sort {
  field: string;
  direction: "asc" | "desc";
}

export interface ListQuery extends Selection {
  sort: Sort;
  /** 1 to 200 */
  limit: number;
  cursor?: string | undefined;
}

export interface SummaryQuery extends Selection {
  /** a scalar field or `month`; absent: one group per currency */
  by?: string | undefined;
  /** IANA time zone for months of instants; UTC when absent */
  timeZone?: string | undefined;
}

export const MAX_LIMIT = 200;
export const DEFAULT_LIMIT = 50;
export const DEFAULT_SORT: Sort = { field: "created_at", direction: "desc" };
const MAX_SEARCH_LENGTH = 200;

const RANGED: readonly FieldKind[] = ["money", "decimal", "day", "instant", "integer"];

/** The operators that a field of this kind can be filtered with; none for lists. */
export function operatorsOf(kind: FieldKind): readonly FilterOperator[] {
  if (kind === "tags") return [];
  return RANGED.includes(kind) ? ["eq", "gte", "gt", "lte", "lt"] : ["eq"];
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
  if (query.sort && !scalar(collection, query.sort.field))
    add("sort", "unknown_field", `${collection.name} cannot be sorted by ${query.sort.field}.`);
  if (query.limit !== undefined && !(Number.isInteger(query.limit) && query.limit >= 1 && query.limit <= MAX_LIMIT))
    add("limit", "out_of_range", `The limit must be a whole number from 1 to ${MAX_LIMIT}.`);
  if (query.by !== undefined && query.by !== "month" && !scalar(collection, query.by))
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

function scalar(collection: Collection, name: string): boolean {
  const field = fieldOf(collection, name);
  return field !== undefined && isScalar(field);
}

function checkFilter(collection: Collection, { field: name, operator, value }: Filter): FieldError[] {
  const field = fieldOf(collection, name);
  const path = operator === "eq" ? name : `${name}[${operator}]`;
  if (!field) return [{ field: path, code: "unknown_field", message: `${collection.name} has no field ${name}.` }];
  if (!operatorsOf(field.kind).includes(operator))
    return [{ field: path, code: "unknown_operator", message: `${name} cannot be filtered with ${operator}.` }];
  const parsed = comparable(field).safeParse(value);
  return parsed.success
    ? []
    : [{ field: path, code: "invalid_value", message: parsed.error.issues[0]?.message ?? "This value does not fit." }];
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
