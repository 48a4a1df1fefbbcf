/** The contract over an array, by the words of its documentation: what lists, counts and summaries are compared with. */
import Big from "big.js";
import { type Filter, idsIn, type Selection, type Sort, type SummaryQuery } from "../../../shared/contract/query.ts";
import type { SummaryGroup } from "../../../shared/contract/repository.ts";
import { type Collection, fieldOf } from "../../../shared/definition/define.ts";

export type Row = Record<string, unknown> & { id: string };

const bytes = new TextEncoder();
const byBytes = (a: string, b: string) => Buffer.compare(bytes.encode(a), bytes.encode(b));

function compare(collection: Collection, field: string, a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  const kind = fieldOf(collection, field)?.kind;
  if (kind === "money" || kind === "decimal") return new Big(a as string).cmp(b as string);
  if (kind === "integer" || kind === "boolean") return Math.sign(Number(a) - Number(b));
  return byBytes(String(a), String(b));
}

/** Rows in list order: by one field after the other, ties by created_at and then id, as the last field is turned. */
export function sorted<R extends Row>(collection: Collection, rows: readonly R[], sort: Sort | readonly Sort[]): R[] {
  const sorts = "field" in sort ? [sort] : sort;
  const { direction = "asc" } = sorts.at(-1) ?? {};
  const order = [...sorts, { field: "created_at", direction }, { field: "id", direction }];
  const between = (a: R, b: R, by: Sort) =>
    (by.direction === "asc" ? 1 : -1) * compare(collection, by.field, a[by.field] ?? null, b[by.field] ?? null);
  return [...rows].sort((a, b) => order.reduce((found, by) => found || between(a, b, by), 0));
}

function passes(collection: Collection, row: Row, filter: Filter): boolean {
  const { field, operator, value } = filter;
  const actual = row[field] ?? null;
  if (operator === "null") return (actual === null) === value;
  if (actual === null) return false;
  if (operator === "has") return (actual as unknown[]).includes(value);
  if (operator === "in") return idsIn(filter).includes(String(actual));
  const order = compare(collection, field, actual, value);
  return { eq: order === 0, gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[operator];
}

/** The rows that a selection means; `q` is taken by plain lower case, so test data for it is plain. */
export function selected<R extends Row>(collection: Collection, rows: readonly R[], { filters, q }: Selection): R[] {
  return rows.filter(
    (row) =>
      filters.every((filter) => passes(collection, row, filter)) &&
      (q === undefined ||
        collection.search.some((field) =>
          String(row[field] ?? "")
            .toLowerCase()
            .includes(q.toLowerCase()),
        )),
  );
}

/** Half even to 4 decimals, in whole ten-thousandths. */
function averageOf(sum: bigint, count: bigint): bigint {
  const whole = sum / count;
  const twice = 2n * (sum % count);
  return twice > count || (twice === count && whole % 2n === 1n) ? whole + 1n : whole;
}

const units = (amount: string) => BigInt(new Big(amount).times(10_000).toFixed(0));
/** In a currency of 4 decimals all of them are shown. */
function decimal(amount: bigint, currency: string | null): string {
  const fixed = new Big(String(amount)).div(10_000).toFixed(4);
  return currency !== null && FINE.includes(currency) ? fixed : fixed.replace(/0{1,2}$/, "");
}
const FINE = ["CLF", "UYW"];

/** The groups of a summary; `currencyOf` finds the currency of a row where it stands in another record. */
export function summarized(
  collection: Collection,
  rows: readonly Row[],
  query: SummaryQuery,
  currencyOf = (row: Row) => (row.currency as string | undefined) ?? null,
): SummaryGroup[] {
  const groups = new Map<string, { key: string | null; currency: string | null; amounts: bigint[] }>();
  const keyed = selected(collection, rows, query).flatMap((row) =>
    keysOf(collection, row, query).map((key) => ({ row, key })),
  );
  for (const { row, key } of keyed) {
    const currency = collection.money ? currencyOf(row) : null;
    const name = JSON.stringify([key, currency]);
    const group = groups.get(name) ?? { key, currency, amounts: [] };
    groups.set(name, group);
    group.amounts.push(collection.money ? units(row[collection.money.field] as string) : 0n);
  }
  return [...groups.values()]
    .sort((a, b) => nullsFirst(a.key, b.key) || nullsFirst(a.currency, b.currency))
    .map(({ key, currency, amounts }) => {
      const count = amounts.length;
      if (!collection.money) return { key, currency, count, sum: null, min: null, max: null, average: null };
      const sum = amounts.reduce((a, b) => a + b, 0n);
      const [min = 0n, max = 0n] = [
        amounts.reduce((a, b) => (a < b ? a : b)),
        amounts.reduce((a, b) => (a > b ? a : b)),
      ];
      const average = averageOf(sum, BigInt(count));
      return {
        key,
        currency,
        count,
        sum: decimal(sum, currency),
        min: decimal(min, currency),
        max: decimal(max, currency),
        average: decimal(average, currency),
      };
    });
}

const nullsFirst = (a: string | null, b: string | null) =>
  a === null || b === null ? Number(a !== null) - Number(b !== null) : byBytes(a, b);

/** A row of a list of values is in the group of each. */
function keysOf(collection: Collection, row: Row, query: SummaryQuery): (string | null)[] {
  const values = query.by === undefined ? undefined : row[query.by];
  if (!Array.isArray(values)) return [keyOf(collection, row, query)];
  return values.length > 0 ? [...new Set(values as string[])] : [null];
}

function keyOf(collection: Collection, row: Row, { by, timeZone = "UTC" }: SummaryQuery): string | null {
  if (by === undefined) return null;
  const field = by === "month" ? collection.monthOf : by;
  const value = row[field] ?? null;
  if (value === null) return null;
  if (by !== "month") return String(value);
  if (fieldOf(collection, field)?.kind === "day") return String(value).slice(0, 7);
  const options = { timeZone, year: "numeric", month: "2-digit" } as const;
  const parts = new Intl.DateTimeFormat("en-US", options).formatToParts(new Date(String(value)));
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? "";
  return `${part("year").padStart(4, "0")}-${part("month")}`;
}
