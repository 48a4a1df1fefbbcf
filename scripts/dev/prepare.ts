/** What `switchyard databases add` and `switchyard db prepare` do, on every start, for each home that is configured. */
import { allCollections } from "../../shared/collections/index.ts";
import type { Deadlines } from "../../shared/deadlines.ts";
import { type PrepareOutcome, prepareDatabases } from "../../shared/operations/prepare-databases.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import type { ConfiguredDatabase } from "../../shared/placement/configured-databases.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { readDataPlane } from "../migration-files.ts";
import { pause } from "./pause.ts";
import type { RunningSupabase } from "./supabase.ts";

const AGAIN_MS = 1_000;

export interface PrepareOptions {
  readonly supabase: Pick<RunningSupabase, "url" | "secretKey">;
  readonly database: ConfiguredDatabase;
  /** where MongoDB keeps copies, when it is not the default */
  readonly replicaDatabase?: string | undefined;
  readonly deadlines: Deadlines;
  readonly cancel: AbortSignal;
  /** Told why it cannot be prepared yet, once for each reason: it is tried again until it can. */
  readonly waiting: (reason: string) => void;
}

/**
 * Lists and prepares a database, and lets it take users the first time that it succeeds. One that does not answer is waited
 * for: it may be starting, or away for a while. Throws what stands in the way for another reason, which no wait would mend.
 */
export async function prepareDatabase(options: PrepareOptions) {
  const { supabase, database, replicaDatabase, deadlines, cancel, waiting } = options;
  const service = serviceClient(
    { SUPABASE_URL: supabase.url, SUPABASE_SECRET_KEY: supabase.secretKey },
    { timeoutMs: deadlines.callMs },
  );
  const control = createAssignments(service);
  let said = "";
  const wait = async (reason: string) => {
    if (reason !== said) waiting(reason);
    said = reason;
    await pause(AGAIN_MS, cancel);
  };
  while (!cancel.aborted) {
    const added = await control.addDatabase(database);
    if (added.isErr() && added.error.kind !== "unavailable") throw new Error(added.error.message);
    if (added.isErr()) {
      await wait(added.error.message);
      continue;
    }
    const registry = createRegistry({
      config: { SUPABASE_URL: supabase.url, databases: [database], MONGODB_REPLICA_DATABASE: replicaDatabase },
      service,
      collections: allCollections,
      deadlines,
      appName: "switchyard-dev",
      schema: readDataPlane,
    });
    const outcomes = await prepareDatabases(control, [...registry.values()], database.name).finally(() =>
      closeAll(registry),
    );
    const outcome: Partial<PrepareOutcome> = outcomes.match(
      ([only = {}]) => only,
      (error) => ({ reason: error.message, isAway: true }),
    );
    if (outcome.reason === undefined) return;
    if (!outcome.isAway) throw new Error(outcome.reason, { cause: outcome.failure });
    await wait(outcome.reason);
  }
}
