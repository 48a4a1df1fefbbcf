/** Summaries: exact sums come from the database as text; averages are rounded here, because the engines round differently. */
import { err, ok, type Result } from "neverthrow";
import { invalid, type RepositoryError } from "../contract/errors.ts";
import { type SummaryQuery, unknownTimeZone } from "../contract/query.ts";
import { type Answer, MAX_GROUPS, type SummaryGroup } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { average, canonicalDecimal } from "../values/money.ts";
import { compareText } from "../values/text.ts";
import { kindOf, type Row, toValue } from "./rows.ts";

type Run = <T>(name: string, parameters: Row) => Promise<Result<T, RepositoryError>>;

interface RawGroup {
  key: string | null;
  currency: string | null;
  count: string;
  sum: string | null;
  min: string | null;
  max: string | null;
}

const COUNT_ONLY = { p_by: null, p_month: null, p_money: null, p_currency: null };

/** How many records a selection has. */
export async function totalOf(run: Run, selection: Row): Answer<number> {
  const groups = await run<RawGroup[]>("records_summarize", { ...selection, ...COUNT_ONLY, p_limit: 1 });
  return groups.map(([all]) => Number(all?.count ?? 0));
}

export async function summarize(
  run: Run,
  collection: Collection,
  selection: Row,
  { by, timeZone = "UTC" }: SummaryQuery,
): Answer<SummaryGroup[]> {
  const column = by === "month" ? collection.monthOf : by;
  const kind = column === undefined ? undefined : kindOf(collection, column);
  const month = by !== "month" ? null : kind === "day" ? "day" : timeZone;
  const answer = await run<RawGroup[]>("records_summarize", {
    ...selection,
    p_by: column ?? null,
    p_month: month,
    p_money: collection.money?.field ?? null,
    p_currency: collection.money ? JSON.stringify(currencyOf(collection)) : null,
    p_limit: MAX_GROUPS + 1,
  });
  if (answer.isErr()) {
    const isZoned = month !== null && month !== "day";
    return err(isZoned && answer.error.code === "invalid_query" ? unknownTimeZone() : answer.error);
  }
  if (answer.value.length > MAX_GROUPS)
    return err(
      invalid("invalid_query", "These are too many groups.", [
        { field: "by", code: "too_many_groups", message: `At most ${MAX_GROUPS} groups; filter, or group otherwise.` },
      ]),
    );
  const keyOf = (key: string | null) =>
    key === null || month !== null || kind === undefined ? key : String(toValue(kind, key));
  return ok(answer.value.map((group) => toGroup(keyOf(group.key), group)).sort(inOrder));
}

/** Where the currency is; for one in another collection, which one that is. */
function currencyOf({ money, fields }: Collection): Row {
  const currency = money?.currency;
  if (!currency || !("reference" in currency)) return { ...currency };
  return { ...currency, collection: fields[currency.reference]?.references };
}

function toGroup(key: string | null, { currency, count, sum, min, max }: RawGroup): SummaryGroup {
  const decimal = (value: string | null) => (value === null ? null : canonicalDecimal(value));
  return {
    key,
    currency,
    count: Number(count),
    sum: decimal(sum),
    min: decimal(min),
    max: decimal(max),
    average: sum === null ? null : average(sum, Number(count)),
  };
}

function inOrder(left: SummaryGroup, right: SummaryGroup): number {
  return nullFirst(left.key, right.key) || nullFirst(left.currency, right.currency);
}

function nullFirst(left: string | null, right: string | null): number {
  return left === null || right === null ? Number(left !== null) - Number(right !== null) : compareText(left, right);
}
