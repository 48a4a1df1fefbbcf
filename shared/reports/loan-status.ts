/** What has been paid back on a loan, and what is left; without interest. */
import { err } from "neverthrow";
import { collections } from "../collections/index.ts";
import type { Answer } from "../contract/repository.ts";
import type { DatabaseService } from "../placement/service.ts";
import { decimalsOf } from "../values/currencies.ts";
import { canonicalDecimal, subtract } from "../values/money.ts";

export interface LoanStatus {
  paid: string;
  /** negative when more was paid than lent */
  outstanding: string;
}

/** Errors: `not_found`. */
export async function loanStatus(service: Pick<DatabaseService, "repository">, id: string): Answer<LoanStatus> {
  const loan = await service.repository(collections.loans).get(id);
  if (loan.isErr()) return err(loan.error);
  const groups = await service
    .repository(collections.loan_payments)
    .summarize({ filters: [{ field: "loan_id", operator: "eq", value: id }] });
  return groups.map(([all]) => {
    const decimals = decimalsOf(loan.value.currency);
    const paid = all?.sum ?? canonicalDecimal("0", decimals);
    return { paid, outstanding: subtract(loan.value.amount, paid, decimals) };
  });
}
