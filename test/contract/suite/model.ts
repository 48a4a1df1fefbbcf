/** The contract over an array, by the words of its documentation: what lists, counts and summaries are compared with. */
import Big from "big.js";
import type { Filter, Selection, Sort, SummaryQuery } from "../../../shared/contract/query.ts";
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

/** Rows in list order: by the field, ties by id, all turned round when descending. */
export function sorted<R extends Row>(collection: Collection, rows: readonly R[], { field, direction }: Sort): R[] {
  const sign = direction === "asc" ? 1 : -1;
  return [...rows].sort(
    (a, b) => sign * (compare(collection, field, a[field] ?? null, b[field] ?? null) || byBytes(a.id, b.id)),
  );
}

function passes(collection: Collection, row: Row, { field, operator, value }: Filter): boolean {
  const actual = row[field] ?? null;
  if (actual === null) return false;
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
  for (const row of selected(collection, rows, query)) {
    const key = keyOf(collection, row, query);
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
