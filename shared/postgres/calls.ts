/** Calls of the functions in `supabase/migrations/*_record_functions.sql`, and what can go wrong on the way. */
import { err, ok, type Result } from "neverthrow";
import { busy, forbidden, invalid, misconfigured, type RepositoryError, unavailable } from "../contract/errors.ts";
import { databaseFailure, isPassing, isRolledBack, isTooYoung, thrownFailure } from "./failures.ts";

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
 * Postgres has rolled back, because others were in its way, is made once more, and so is one that was refused before
 * anything was done for what passes in a moment.
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
    const code = answer.error?.code;
    const isLater = isPassing(code) && (await passed(signal));
    if ((isLater || isRolledBack(code)) && !signal?.aborted) answer = await send();
  } catch (cause) {
    return err(thrownFailure(cause));
  }
  return answer.error ? err(failure(name, answer)) : ok(answer.data);
}

/** How long what passes takes: PostgREST reads its schema within a few hundred milliseconds. */
const MOMENT_MS = 300;

/** After a moment; false when nobody waits any more. */
export function passed(signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const giveUp = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", giveUp);
      resolve(true);
    }, MOMENT_MS);
    signal?.addEventListener("abort", giveUp, { once: true });
  });
}

/** What a refused call means. */
function failure(name: string, { error, status }: CallAnswer): RepositoryError {
  const known = databaseFailure({ error, status });
  if (known) return known;
  const code = String(error?.code ?? "");
  if (error && isTooYoung(error))
    return busy("Supabase's clock is behind that of this session's token. Try again.", error);
  // before PostgREST, which names what it refuses, stands a gateway that looks at the key of the project
  if (code === "" && status === 401) return misconfigured(WRONG_KEY, error);
  if (code === "" && status === 413) return invalid("invalid_input", "This is more than Supabase takes at once.");
  if (code.startsWith("PGRST3") || code === "42501" || status === 401 || status === 403)
    return forbidden("Supabase refuses this session. Sign in again.");
  // such as a time zone that this runtime knows and Postgres does not
  if (/^(22|54)/.test(code)) return invalid("invalid_query", "The database cannot understand this query.");
  if (status >= 500) return unavailable("Supabase does not answer.", error);
  throw new Error(`${name}: ${code} ${error?.message}`, { cause: error });
}

const WRONG_KEY =
  "Supabase refuses the key that is configured: correct SUPABASE_PUBLISHABLE_KEY, as the dashboard shows it under API keys.";
