/** Has the edge function `purge` take away what deleted users left behind, as pg_cron does. */
import { err, ok, type Result } from "neverthrow";
import { notFound, type RepositoryError, unavailable } from "../contract/errors.ts";
import type { PurgeReport } from "../placement/purge.ts";
import type { ServiceConfig } from "../postgres/client.ts";

const TIMEOUT_MS = 60_000;

/** Numbers of tasks that were due. `unavailable`: Supabase does not answer, or the purge failed; it is repeated by itself. */
export async function requestPurge(
  { SUPABASE_URL, SUPABASE_SECRET_KEY }: ServiceConfig,
  send: typeof fetch = fetch,
): Promise<Result<PurgeReport, RepositoryError>> {
  let response: Response;
  try {
    response = await send(`${SUPABASE_URL}/functions/v1/purge`, {
      method: "POST",
      headers: { apikey: SUPABASE_SECRET_KEY },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return ok((await response.json()) as PurgeReport);
  } catch (cause) {
    return err(unavailable("Supabase does not answer.", cause));
  }
  if (response.status === 404) return err(notFound("The edge function purge is not there: deploy it first."));
  return err(unavailable(`The purge failed (status ${response.status}); it is tried again by itself.`));
}
