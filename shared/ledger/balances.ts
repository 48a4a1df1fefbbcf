/** What users have. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Router } from "../placement/router.ts";
import type { RequestCalls } from "../placement/service.ts";
import type { LedgerAccount } from "./shapes.ts";

export type LedgerRouter = Pick<Router, "control">;

/** All accounts of a user, by asset; one without any has an empty list. `unavailable` while Postgres does not answer: a balance is never guessed. */
export const balancesOf = (
  router: LedgerRouter,
  userId: string,
  calls?: RequestCalls,
): Promise<Result<LedgerAccount[], RepositoryError>> =>
  router.control("read", "ledger_read_accounts", { p_user_id: userId }, calls);

/** `balance_open` while a user's deletion would be refused. */
export const mayLeave = (
  router: LedgerRouter,
  userId: string,
  calls?: RequestCalls,
): Promise<Result<void, RepositoryError>> => router.control("read", "ledger_may_leave", { p_user_id: userId }, calls);
