/** A Supabase on a database of the test file's own, for tests that change what every sign-up sees. */
import { inject } from "vitest";
import { createServerDatabase } from "./server-database.ts";
import { startEmbedded, startOwn, type TestSupabase } from "./start-supabase.ts";

export interface OwnDatabase extends TestSupabase {
  /** of the database as its owner; empty on PGlite */
  readonly ownerUrl: string;
  /** of the database as administrator; empty on PGlite */
  readonly adminUrl: string;
}

/** On PGlite, or, on the run's server, a new database whose migrations run as a hosted project's would. */
export async function startOwnDatabase(): Promise<OwnDatabase> {
  const { dbUrl, adminDbUrl } = inject("servers");
  const supabase = dbUrl
    ? await onServer(dbUrl, adminDbUrl)
    : { ...(await startEmbedded()), ownerUrl: "", adminUrl: "" };
  await supabase.sql("update switchyard.databases set accepting = true, opened_at = now()");
  return supabase;
}

async function onServer(dbUrl: string, adminDbUrl: string) {
  const own = await createServerDatabase(dbUrl, adminDbUrl);
  try {
    const supabase = await startOwn({ dbUrl: own.dbUrl, adminDbUrl: own.adminUrl });
    const stop = async () => {
      await supabase.stop();
      await own.drop();
    };
    return { ...supabase, ownerUrl: own.dbUrl, adminUrl: own.adminUrl, stop };
  } catch (error) {
    await own.drop();
    throw error;
  }
}
