/** Calls of the system's own functions (`public.switchyard_*`), over REST with the secret key. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import {
  conflict,
  forbidden,
  invalid,
  misconfigured,
  notFound,
  type RepositoryError,
  unavailable,
} from "../contract/errors.ts";
import { DELETED, IDEMPOTENCY_MISMATCH } from "../repository/refusals.ts";
import { passed } from "./calls.ts";
import { databaseFailure, isPassing, thrownFailure } from "./failures.ts";

/** What our own functions refuse a user, with words of their own or as every store does. */
const REFUSALS: Readonly<Record<string, (message: string) => RepositoryError>> = {
  SY402: (message) => conflict("insufficient_funds", message),
  SY403: forbidden,
  SY409: () => IDEMPOTENCY_MISMATCH,
  SY410: () => DELETED,
  SY423: (message) => conflict("account_closed", message),
  SY424: (message) => conflict("transfer_settled", message),
  SY425: (message) => conflict("balance_open", message),
  SY426: (message) => conflict("duplicate", message),
};

const ASSIGNING = /^switchyard_assign/;

/** One call of a system function. Refusals that name the caller's fault are `invalid` or `not_found`, the rest `busy` or `unavailable`. */
export async function callSystem<T>(
  client: SupabaseClient,
  name: string,
  parameters: object = {},
): Promise<Result<T, RepositoryError>> {
  try {
    let answer = await client.rpc(name, parameters);
    if (isPassing(answer.error?.code) && (await passed())) answer = await client.rpc(name, parameters);
    const { data, error, status } = answer;
    if (!error) return ok(data as T);
    const refused = REFUSALS[error.code ?? ""];
    if (refused) return err(refused(error.message));
    if (error.code === "PT404") return err(notFound(error.message));
    if (error.code?.startsWith("22")) return err(invalid("invalid_input", error.message));
    if (error.code === "SY412") return err(misconfigured(error.message));
    // raised by the assignment when no database takes users; by others, of records that are written elsewhere for a while
    if (error.code === "PT503" && ASSIGNING.test(name)) return err(unavailable(error.message, error, "no_capacity"));
    return err(databaseFailure({ error, status }) ?? unavailable("Supabase does not answer.", error));
  } catch (cause) {
    return err(thrownFailure(cause));
  }
}
