/** Summaries above the engines: what is grouped, and exact sums as the contract shows them. The engines round averages differently, so they give none. */
import type { SummaryQuery } from "../contract/query.ts";
import type { SummaryGroup } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { average, canonicalDecimal } from "../values/money.ts";
import { compareText } from "../values/text.ts";
import type { Group, Grouping } from "./store.ts";

export function groupingOf(collection: Collection, { by, timeZone = "UTC" }: SummaryQuery): Pick<Grouping, "by"> {
  if (by === undefined) return {};
  return { by: by === "month" ? { field: collection.monthOf, month: { timeZone } } : { field: by } };
}

/** Sorted by key (null first, then byte order), then currency. */
export const toGroups = (groups: readonly Group[]): SummaryGroup[] => groups.map(toGroup).sort(inOrder);

function toGroup({ key, currency, count, sum, min, max }: Group): SummaryGroup {
  const decimal = (value: string | null) => (value === null ? null : canonicalDecimal(value));
  return {
    key,
    currency,
    count,
    sum: decimal(sum),
    min: decimal(min),
    max: decimal(max),
    average: sum === null ? null : average(sum, count),
  };
}

const inOrder = (left: SummaryGroup, right: SummaryGroup): number =>
  nullFirst(left.key, right.key) || nullFirst(left.currency, right.currency);

function nullFirst(left: string | null, right: string | null): number {
  return left === null || right === null ? Number(left !== null) - Number(right !== null) : compareText(left, right);
}
