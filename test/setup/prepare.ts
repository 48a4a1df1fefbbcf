/** MongoDB as `npm start` prepares it, for a system that a test starts. */
import { prepareDatabase } from "../../scripts/dev/prepare.ts";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";

/** For a server that is just starting, on any machine. */
const PATIENCE_MS = 120_000;

/** Throws unless it succeeds in time. */
export async function prepareForTests(
  supabase: Pick<RunningSupabase, "url" | "secretKey">,
  mongoUri: string,
): Promise<void> {
  const cancel = AbortSignal.timeout(PATIENCE_MS);
  await prepareDatabase({
    supabase,
    database: { name: "mongodb", kind: "mongodb", url: mongoUri, variable: "MONGODB_URI" },
    deadlines: deadlinesOf({ REQUEST_DEADLINE_MS: PATIENCE_MS, DATABASE_CONNECT_MS: PATIENCE_MS }),
    cancel,
    waiting: (reason) => console.log(`Waiting before the tests. ${reason}`),
  });
  cancel.throwIfAborted();
}
