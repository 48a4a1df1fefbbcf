/** Groups by `public.records_summarize`: exact sums come from the database as text. */
import type { RepositoryError } from "../contract/errors.ts";
import { unknownTimeZone } from "../contract/query.ts";
import { type Collection, identityOf } from "../definition/define.ts";
import type { Group, Grouping, Row } from "../repository/store.ts";
import { kindOf, toValue } from "./rows.ts";

/** One group as the function gives it. */
export interface GroupRow {
  key: string | null;
  currency: string | null;
  count: string;
  sum: string | null;
  min: string | null;
  max: string | null;
}

/** Parameters that count a selection as one group. */
export const countRequest: Row = { p_by: null, p_month: null, p_money: null, p_currency: null, p_limit: 1 };

/** The parameters of a grouping, its selection left out. */
export const groupRequest = (
  collection: Collection,
  grouping: Grouping,
  all: ReadonlyMap<string, Collection>,
): Row => ({
  p_by: grouping.by?.field ?? null,
  p_month: monthOf(collection, grouping),
  p_money: collection.money?.field ?? null,
  p_currency: collection.money ? JSON.stringify(currencyOf(collection, all)) : null,
  p_limit: grouping.limit,
});

export function groupsOf(collection: Collection, grouping: Grouping, rows: readonly GroupRow[]): Group[] {
  const { by } = grouping;
  const keyOf = (key: string | null) =>
    key === null || !by || by.month ? key : String(toValue(kindOf(collection, by.field), key));
  return rows.map(({ key, count, ...group }) => ({ ...group, key: keyOf(key), count: Number(count) }));
}

/** Of the parameters only the time zone can be one that this runtime knows and Postgres does not. */
export const refuseZone =
  (collection: Collection, grouping: Grouping) =>
  (error: RepositoryError): RepositoryError => {
    const month = monthOf(collection, grouping);
    return month !== null && month !== "day" && error.code === "invalid_query" ? unknownTimeZone() : error;
  };

const monthOf = (collection: Collection, { by }: Grouping): string | null =>
  !by?.month ? null : kindOf(collection, by.field) === "day" ? "day" : by.month.timeZone;

/** Where the currency is; for one in another collection, which one that is. */
function currencyOf({ name, money, fields }: Collection, all: ReadonlyMap<string, Collection>): Row {
  const currency = money?.currency;
  if (!currency || !("reference" in currency)) return { ...currency };
  const target = all.get(fields[currency.reference]?.references ?? "");
  if (!target) throw new Error(`${name}: ${currency.reference} refers to a collection that is not kept here`);
  return { ...currency, collection: target.name, owner: identityOf(target).owner };
}
