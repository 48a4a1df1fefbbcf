/** What is asked of Supabase to see that it is there, on ways that the calls of users cannot fill. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Finding } from "../repository/database.ts";
import { within } from "../values/within.ts";
import { revisionProblem, type SchemaHealth, writeProblem } from "./revision.ts";
import { MIGRATE_FIRST } from "./states.ts";
import { callSystem } from "./system-call.ts";

/** Until then the usual way has answered, if it is free. */
const USUAL_MS = 400;
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * A probe through REST waits for a connection of PostgREST's pool, like every user's call. When none is free in time,
 * that it is there and that Postgres is are shown apart.
 */
export async function askSupabase(service: SupabaseClient): Promise<Result<Finding, RepositoryError>> {
  const usual = callSystem<SchemaHealth>(service, "switchyard_health");
  const early = await within(USUAL_MS, usual);
  if (early && !(early.isErr() && early.error.isUnheard)) return understood(early);
  const answered = usual.then((answer) => (answer.isOk() ? problemOf(answer.value) : Promise.reject(answer.error)));
  try {
    return ok(await Promise.any([answered, askApart(service)]));
  } catch (failures) {
    return err((failures as AggregateError).errors[0]);
  }
}

function understood(answer: Result<SchemaHealth, RepositoryError>): Result<Finding, RepositoryError> {
  if (answer.isOk()) return ok(problemOf(answer.value));
  const { code, message } = answer.error;
  // refused by Postgres for having too much to do, which is an answer
  if (code === "busy") return ok(null);
  // it is there, and its schema is older than the function
  return message === MIGRATE_FIRST ? ok(message) : err(answer.error);
}

function problemOf(found: SchemaHealth): Finding {
  const problem = revisionProblem(found);
  return problem === undefined ? (writeProblem(found, "Supabase") ?? null) : `Supabase: ${problem}`;
}

/** A function that is not there is known from PostgREST's schema cache; the accounts are read by Auth, on its own pool. */
async function askApart(service: SupabaseClient): Promise<null> {
  const [rest, auth] = await Promise.all([
    service.rpc("switchyard_nothing_by_this_name"),
    service.auth.admin.getUserById(NOBODY),
  ]);
  const isThere = (status: number | undefined) => status !== undefined && status >= 200 && status < 500;
  if (!isThere(rest.status) || !(auth.error === null || isThere(auth.error.status)))
    throw new Error("REST or Auth does not answer.", { cause: rest.error ?? auth.error });
  return null;
}
