/** Counts, and sums of money by currency, of each collection. */
import Big from "big.js";
import type { Collection } from "../definition/define.ts";
import type { Row } from "../repository/store.ts";
import { canonicalDecimal } from "../values/money.ts";
import type { ConvertedRecords } from "./convert-user.ts";

export interface Total {
  count: number;
  /** by currency; empty for what is no money */
  sums: Record<string, string>;
}

export type Totals = Map<string, Total>;

export const createTotals = (): Totals => new Map();

/** `currencyOf`: that of a record which has it from another one. */
export function addRecord(totals: Totals, collection: Collection, values: Row, currencyOf: (row: Row) => string): void {
  const total = totals.get(collection.name) ?? { count: 0, sums: {} };
  totals.set(collection.name, total);
  total.count++;
  const { money } = collection;
  if (!money || values[money.field] === null || values[money.field] === undefined) return;
  const currency = currencyOf(values);
  total.sums[currency] = canonicalDecimal(new Big(total.sums[currency] ?? 0).plus(String(values[money.field])));
}

/** All of a user's. */
export function addUser(totals: Totals, records: ConvertedRecords): void {
  const currencies = currenciesOf(
    [...records].map(([collection, list]) => [collection, list.map(({ id, values }) => ({ id, ...values }))]),
  );
  for (const [collection, list] of records)
    for (const { values } of list) addRecord(totals, collection, values, (row) => currencies(collection, row));
}

/** Finds the currency of a record among these, which are all of one user. */
export function currenciesOf(all: readonly (readonly [Collection, readonly Row[]])[]) {
  const byId = new Map(all.map(([{ name }, rows]) => [name, new Map(rows.map((row) => [String(row.id), row]))]));
  return ({ money, fields }: Collection, row: Row): string => {
    if (!money) return "";
    const { currency } = money;
    if (!("reference" in currency)) return String(row[currency.field]);
    const parent = byId.get(fields[currency.reference]?.references ?? "")?.get(String(row[currency.reference]));
    return String(parent?.[currency.field] ?? "?");
  };
}

/** `{"expenses": {"count": 2, "sums": {"EUR": "12.50"}}}` */
export const totalsAsJson = (totals: Totals): Record<string, Total> => Object.fromEntries(totals);
