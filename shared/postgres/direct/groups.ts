/** Summaries, which `records_summarize` makes: its parameters and its answer. */
import type { Collection } from "../../definition/define.ts";
import type { Group, Grouping } from "../../repository/store.ts";
import { kindOf, type Row, toValue } from "../rows.ts";

interface RawGroup extends Omit<Group, "count"> {
  count: string;
}

/** What `records_summarize` is asked for the groups; `selection` says of which rows. */
export function groupParameters(collection: Collection, { by, limit }: Grouping) {
  const { money } = collection;
  return {
    p_by: by?.field ?? null,
    p_month: by?.month ? (kindOf(collection, by.field) === "day" ? "day" : by.month.timeZone) : null,
    p_money: money?.field ?? null,
    p_currency: money ? JSON.stringify(currencyOf(collection)) : null,
    p_limit: limit,
  };
}

export function toGroups(collection: Collection, { by }: Grouping, raw: unknown): Group[] {
  const keyOf = (key: string | null) =>
    key === null || !by || by.month ? key : String(toValue(kindOf(collection, by.field), key));
  return (raw as RawGroup[]).map((group) => ({ ...group, key: keyOf(group.key), count: Number(group.count) }));
}

/** Where the currency is; for one in another collection, which one that is. */
function currencyOf({ money, fields }: Collection): Row {
  const currency = money?.currency;
  if (!currency || !("reference" in currency)) return { ...currency };
  return { ...currency, collection: fields[currency.reference]?.references };
}
