/** How much of a budget is spent in the period that holds a day. */
import { err, ok } from "neverthrow";
import { collections } from "../collections/index.ts";
import { invalid } from "../contract/errors.ts";
import type { Filter } from "../contract/query.ts";
import type { Answer } from "../contract/repository.ts";
import type { DatabaseService } from "../placement/service.ts";
import { decimalsOf } from "../values/currencies.ts";
import { canonicalDecimal, subtract } from "../values/money.ts";
import { periodOf } from "./calendar.ts";

export interface BudgetStatus {
  period_start: string;
  /** the last day that belongs to the period; the budget's last one where that is earlier */
  period_end: string;
  /** less what was paid back; below zero when that was more */
  spent: string;
  /** negative when more was spent */
  remaining: string;
}

/** Errors: `not_found`; `invalid_query` for a day on which the budget does not run. */
export async function budgetStatus(
  service: Pick<DatabaseService, "repository">,
  id: string,
  day: string,
): Answer<BudgetStatus> {
  const found = await service.repository(collections.budgets).get(id);
  if (found.isErr()) return err(found.error);
  const { amount, currency, period, category_id, starts_on, ends_on } = found.value;
  if (day < starts_on || (ends_on !== null && day > ends_on)) {
    const range = `from ${starts_on}${ends_on === null ? " on" : ` to ${ends_on}`}`;
    return err(
      invalid("invalid_query", `The budget runs ${range}, not on ${day}.`, [
        { field: "on", code: "outside_budget", message: `Name a day ${range}.` },
      ]),
    );
  }
  const { from, to } = periodOf(period, starts_on, day);
  const end = ends_on !== null && ends_on < to ? ends_on : to;
  const filters: Filter[] = [
    { field: "date", operator: "gte", value: from },
    { field: "date", operator: "lte", value: end },
    { field: "currency", operator: "eq", value: currency },
    ...(category_id === null ? [] : [{ field: "category_id", operator: "eq", value: category_id } as const]),
  ];
  const groups = await service.repository(collections.expenses).summarize({ filters });
  return groups.andThen(([all]) => {
    const decimals = decimalsOf(currency);
    const spent = all?.sum ?? canonicalDecimal("0", decimals);
    return ok({ period_start: from, period_end: end, spent, remaining: subtract(amount, spent, decimals) });
  });
}
