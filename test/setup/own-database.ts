/** A Supabase on a database of the test file's own, for tests that change what every sign-up sees. */
import { inject } from "vitest";
import { newKeys } from "../../scripts/dev/keys.ts";
import { type RunningSupabase, startSupabase } from "../../scripts/dev/supabase.ts";
import { createServerDatabase } from "./server-database.ts";

export interface OwnDatabase extends RunningSupabase {
  /** of the database as administrator; empty on PGlite */
  readonly adminUrl: string;
}

/** On PGlite in memory, or, on the run's server, a new database whose migrations run as a hosted project's would. */
export async function startOwnDatabase(): Promise<OwnDatabase> {
  const { dbUrl, adminDbUrl } = inject("servers");
  const options = { port: 0, functions: false, jwtSecret: newKeys().jwtSecret };
  const supabase = dbUrl
    ? await onServer(dbUrl, adminDbUrl, options)
    : { ...(await startSupabase(options)), adminUrl: "" };
  await supabase.sql("update switchyard.databases set accepting = true, opened_at = now()");
  return supabase;
}

async function onServer(dbUrl: string, adminDbUrl: string, options: { port: number; jwtSecret: string }) {
  const own = await createServerDatabase(dbUrl, adminDbUrl);
  try {
    const supabase = await startSupabase({
      ...options,
      functions: false,
      dbUrl: own.dbUrl,
      adminDbUrl: own.adminUrl,
    });
    const stop = async () => {
      await supabase.stop();
      await own.drop();
    };
    return { ...supabase, adminUrl: own.adminUrl, stop };
  } catch (error) {
    await own.drop();
    throw error;
  }
}
