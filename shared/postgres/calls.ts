/** Calls of the functions in `supabase/migrations/*_record_functions.sql`, and what can go wrong on the way. */
import { err, ok, type Result } from "neverthrow";
import { forbidden, invalid, misconfigured, type RepositoryError, unavailable } from "../contract/errors.ts";
import { databaseFailure, isMissingFunction, isRolledBack, MIGRATE_FIRST, thrownFailure } from "./failures.ts";

interface CallAnswer {
  data: unknown;
  error: { code?: string; message: string } | null;
  status: number;
}

interface Call extends PromiseLike<CallAnswer> {
  abortSignal(signal: AbortSignal): PromiseLike<CallAnswer>;
}

/** As much of a supabase-js client (or postgrest-js') as the repositories use; it acts with the user's token. */
export interface PostgrestLike {
  rpc(name: string, parameters: Record<string, unknown>): Call;
}

/**
 * The data that a function answers. A bug (a syntax error) throws; all else is a Result. A call that
 * Postgres has rolled back, because others were in its way, is made once more.
 */
export async function call(
  client: PostgrestLike,
  name: string,
  parameters: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Result<unknown, RepositoryError>> {
  const send = () => {
    const pending = client.rpc(name, parameters);
    return signal ? pending.abortSignal(signal) : pending;
  };
  let answer: CallAnswer;
  try {
    answer = await send();
    if (isRolledBack(answer.error?.code) && !signal?.aborted) answer = await send();
  } catch (cause) {
    return err(thrownFailure(cause));
  }
  return answer.error ? err(failure(name, answer)) : ok(answer.data);
}

/** What a refused call means. */
function failure(name: string, { error, status }: CallAnswer): RepositoryError {
  const known = databaseFailure({ error, status });
  if (known) return known;
  const code = String(error?.code ?? "");
  if (isMissingFunction({ code })) return misconfigured(MIGRATE_FIRST, error);
  if (code.startsWith("PGRST3") || code === "42501" || status === 401 || status === 403)
    return forbidden("Supabase refuses this session. Sign in again.");
  // such as a time zone that this runtime knows and Postgres does not
  if (code.startsWith("22")) return invalid("invalid_query", "The database cannot understand this query.");
  if (status >= 500) return unavailable("Supabase does not answer.", error);
  throw new Error(`${name}: ${code} ${error?.message}`, { cause: error });
}
