/** Calls of the functions in `supabase/migrations/*_record_functions.sql`, and what can go wrong on the way. */
import { err, ok, type Result } from "neverthrow";
import { forbidden, invalid, type RepositoryError, unavailable } from "../contract/errors.ts";

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

/** The data that a function answers. A bug (an unknown function, a syntax error) throws; all else is a Result. */
export async function call(
  client: PostgrestLike,
  name: string,
  parameters: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Result<unknown, RepositoryError>> {
  let answer: CallAnswer;
  try {
    const pending = client.rpc(name, parameters);
    answer = await (signal ? pending.abortSignal(signal) : pending);
  } catch (cause) {
    return err(unavailable("Supabase does not answer.", cause));
  }
  return answer.error ? err(failure(name, answer)) : ok(answer.data);
}

/**
 * What a refused call means. Codes are SQLSTATEs or PostgREST's own (PGRST0xx: no connection, PGRST3xx: the token); a
 * call that got no answer has the status 0.
 */
function failure(name: string, { error, status }: CallAnswer): RepositoryError {
  const code = String(error?.code ?? "");
  const isOver = /^(08|40|53|55|57|58|XX)...$/.test(code) || code.startsWith("PGRST00");
  if (status === 0 || status === 408 || status === 429 || isOver)
    return unavailable("Supabase does not answer.", error);
  if (code.startsWith("PGRST3") || code === "42501" || status === 401 || status === 403)
    return forbidden("Supabase refuses this session. Sign in again.");
  // such as a time zone that this runtime knows and Postgres does not
  if (code.startsWith("22")) return invalid("invalid_query", "The database cannot understand this query.");
  if (status >= 500) return unavailable("Supabase does not answer.", error);
  throw new Error(`${name}: ${code} ${error?.message}`, { cause: error });
}
