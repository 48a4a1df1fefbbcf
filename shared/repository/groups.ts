/** Summaries above the engines: what is grouped, and exact sums as the contract shows them. The engines round averages differently, so they give none. */
import type { SummaryQuery } from "../contract/query.ts";
import type { SummaryGroup } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { decimalsOf } from "../values/currencies.ts";
import { average, canonicalDecimal } from "../values/money.ts";
import { compareText } from "../values/text.ts";
import { withAmounts } from "./amounts.ts";
import type { Group, Grouping, Row } from "./store.ts";

export function groupingOf(collection: Collection, { by, timeZone = "UTC" }: SummaryQuery): Pick<Grouping, "by"> {
  if (by === undefined) return {};
  return { by: by === "month" ? { field: collection.monthOf, month: { timeZone } } : { field: by } };
}

/** Sorted by key (null first, then byte order), then currency. */
export function toGroups(collection: Collection, { by }: SummaryQuery, groups: readonly Group[]): SummaryGroup[] {
  const keyOf = (group: Group): string | null =>
    by === undefined ? group.key : (withAmounts(collection, keyed(collection, by, group))[by] as string | null);
  return groups.map((group) => toGroup({ ...group, key: keyOf(group) })).sort(inOrder);
}

/** As much of a record as the group tells: an amount that is grouped by is spelt as one. */
function keyed({ money }: Collection, by: string, { key, currency }: Group): Row {
  return { [by]: key, ...(money && !("reference" in money.currency) && { [money.currency.field]: currency }) };
}

function toGroup({ key, currency, count, sum, min, max }: Group): SummaryGroup {
  const decimals = decimalsOf(currency);
  const decimal = (value: string | null) => (value === null ? null : canonicalDecimal(value, decimals));
  return {
    key,
    currency,
    count,
    sum: decimal(sum),
    min: decimal(min),
    max: decimal(max),
    average: sum === null ? null : average(sum, count, decimals),
  };
}

const inOrder = (left: SummaryGroup, right: SummaryGroup): number =>
  nullFirst(left.key, right.key) || nullFirst(left.currency, right.currency);

function nullFirst(left: string | null, right: string | null): number {
  return left === null || right === null ? Number(left !== null) - Number(right !== null) : compareText(left, right);
}
