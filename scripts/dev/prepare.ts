/** What `switchyard db prepare` does, on every start: collections, indexes and validators; then the door is opened. */
import { ok } from "neverthrow";
import { allCollections } from "../../shared/collections/index.ts";
import type { Deadlines } from "../../shared/deadlines.ts";
import { createMongoClient, databaseName } from "../../shared/mongo/client.ts";
import { attempt } from "../../shared/mongo/failures.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { downReason } from "../../shared/placement/down-reason.ts";
import { pause } from "./pause.ts";
import type { RunningSupabase } from "./supabase.ts";

const AGAIN_MS = 1_000;

export interface PrepareOptions {
  readonly supabase: Pick<RunningSupabase, "sql">;
  readonly mongoUri: string;
  readonly deadlines: Deadlines;
  readonly cancel: AbortSignal;
  /** Told why MongoDB does not answer, once for each reason: it is tried again until it does. */
  readonly waiting: (reason: string) => void;
}

/**
 * Prepares MongoDB and lets it take users, the first time that it succeeds. One that does not answer is waited for: it may
 * be starting, or away for a while. Throws what it refuses for another reason, which no wait would mend.
 */
export async function prepareDatabases({ supabase, mongoUri, deadlines, cancel, waiting }: PrepareOptions) {
  let said = "";
  const wait = async (reason: string) => {
    if (reason !== said) waiting(reason);
    said = reason;
    await pause(AGAIN_MS, cancel);
  };
  while (!cancel.aborted) {
    const client = createMongoClient(mongoUri, { appName: "switchyard-dev", deadlines });
    const outcome = await attempt(async () =>
      ok(await prepareMongo(client.db(databaseName(mongoUri)), allCollections, { name: "mongodb", site: 2 })),
    ).finally(() => client.close());
    if (outcome.isErr()) await wait(downReason("MongoDB", outcome.error.cause));
    else
      try {
        return void (await supabase.sql("select public.switchyard_open_database('mongodb')"));
      } catch (error) {
        await wait(`Supabase does not answer: ${(error as Error).message}`);
      }
  }
}
