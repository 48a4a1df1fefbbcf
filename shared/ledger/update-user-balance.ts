/** One change of what a user has, by the operator's code. */
import { err, type Result } from "neverthrow";
import { invalid, type RepositoryError } from "../contract/errors.ts";
import type { RequestCalls } from "../placement/service.ts";
import type { LedgerRouter } from "./balances.ts";
import type { LedgerAccount, LedgerTransfer } from "./shapes.ts";

export interface BalanceChange {
  userId: string;
  /** code; the user's account in it is opened when there is none */
  asset: string;
  /** a decimal string, such as "12.50"; with a minus in front it goes out */
  amount: string;
  /** a UUID of the caller's: the same one changes the balance once, however often it is called */
  id: string;
  description?: string;
}

/**
 * A deposit from outside, or a withdrawal to it. `insufficient_funds`: not so much is available; `idempotency_mismatch`:
 * the id has made another change; `invalid_input`: no such asset, or no such amount of it.
 */
export async function updateUserBalance(
  router: LedgerRouter,
  { userId, asset, amount, id, description }: BalanceChange,
  calls?: RequestCalls,
): Promise<Result<LedgerTransfer, RepositoryError>> {
  const [, sign, units] = /^(-?)([\d.]+)$/.exec(amount) ?? [];
  if (units === undefined) return err(invalid("invalid_input", 'An amount is a decimal string, such as "-12.50".'));
  const opening = { p_user_id: userId, p_asset: asset };
  const opened = await router.control<{ account: LedgerAccount }>("write", "ledger_open_account", opening, calls);
  if (opened.isErr()) return err(opened.error);
  const { id: account } = opened.value.account;
  const change = { p_id: id, p_amount: units, p_description: description ?? null };
  return sign
    ? router.control("write", "ledger_withdraw", { ...change, p_user_id: userId, p_from: account }, calls)
    : router.control("write", "ledger_deposit", { ...change, p_actor: null, p_account: account }, calls);
}
