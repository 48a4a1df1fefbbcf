/** What is asked of each database to see that it is there, on ways that the calls of users cannot fill. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "./assignment.ts";
import { within } from "./within.ts";

/** Answers ok when the database does; may hang or throw. */
export type Probe = () => Promise<Result<unknown, unknown>>;

/** Until then the usual way has answered, if it is free. */
const USUAL_MS = 400;
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * The cheapest call of each that shows that it works: with the key, through REST; with the user, a ping. `ping` has a
 * connection for itself.
 */
export const databaseProbes = (service: SupabaseClient, ping: (() => Promise<unknown>) | undefined) => ({
  supabase: (() => askSupabase(service)) as Probe,
  mongodb: ping && ((async () => ok(await ping())) as Probe),
});

/**
 * A probe through REST waits for a connection of PostgREST's pool, like every user's call. When none is free in time,
 * that it is there and that Postgres is are shown apart.
 */
async function askSupabase(service: SupabaseClient): Promise<Result<unknown, RepositoryError>> {
  const usual = callSystem(service, "switchyard_can_place");
  const early = await within(USUAL_MS, usual);
  if (early?.isOk()) return early;
  if (early?.isErr() && !early.error.isUnheard)
    // refused by Postgres for having too much to do, which is an answer
    return early.error.code === "busy" ? ok(undefined) : early;
  const answered = usual.then((answer) => (answer.isOk() ? answer.value : Promise.reject(answer.error)));
  try {
    return ok(await Promise.any([answered, askApart(service)]));
  } catch (failures) {
    return err((failures as AggregateError).errors[0]);
  }
}

/** A function that is not there is known from PostgREST's schema cache; the accounts are read by Auth, on its own pool. */
async function askApart(service: SupabaseClient): Promise<void> {
  const [rest, auth] = await Promise.all([
    service.rpc("switchyard_nothing_by_this_name"),
    service.auth.admin.getUserById(NOBODY),
  ]);
  const isThere = (status: number | undefined) => status !== undefined && status >= 200 && status < 500;
  if (!isThere(rest.status) || !(auth.error === null || isThere(auth.error.status)))
    throw new Error("REST or Auth does not answer.", { cause: rest.error ?? auth.error });
}
