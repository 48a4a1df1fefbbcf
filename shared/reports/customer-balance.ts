/** What customers have paid, in sum. Computed from their payments whenever it is read, so that it cannot be wrong. */
import { anyOf } from "../contract/query.ts";
import type { Answer, Repository } from "../contract/repository.ts";

export interface Balance {
  currency: string;
  /** below zero when more went back than came */
  amount: string;
}

/** Of at most 200 customers, in one call; those without payments are not there. Errors: those of a summary. */
export async function balancesOf(
  payments: Pick<Repository, "summarize">,
  customers: readonly string[],
): Answer<ReadonlyMap<string, Balance[]>> {
  const groups = await payments.summarize({ filters: [anyOf("customer_id", customers)], by: "customer_id" });
  return groups.map((found) => {
    const balances = new Map<string, Balance[]>();
    // sorted by customer, then currency
    for (const { key, currency, sum } of found) {
      if (key === null || currency === null || sum === null) continue;
      balances.set(key, [...(balances.get(key) ?? []), { currency, amount: sum }]);
    }
    return balances;
  });
}
