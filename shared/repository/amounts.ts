/** Amounts as they are shown: with their currency's decimals, where the currency stands beside them. */
import type { Collection } from "../definition/define.ts";
import { perCollection } from "../definition/per-collection.ts";
import { decimalsOf } from "../values/currencies.ts";
import { canonicalDecimal } from "../values/money.ts";
import type { Row } from "./store.ts";

/** Each amount, and the field of its currency. */
const amountsOf = perCollection((collection) =>
  collection.rules.flatMap((rule) => (rule.kind === "decimals" ? [[rule.field, rule.currency] as const] : [])),
);

/**
 * The record with its amounts spelt so: "1500" JPY, "12.50" EUR, "1.500" KWD. What was stored with more decimals keeps them.
 * Where the currency is in the record that this one refers to, amounts stay at two decimals or more: to know it, every
 * page would have to read those records, too.
 */
export function withAmounts(collection: Collection, row: Row): Row {
  for (const [field, currency] of amountsOf(collection)) {
    const amount = row[field];
    if (typeof amount === "string") row[field] = canonicalDecimal(amount, decimalsOf(row[currency]));
  }
  return row;
}
