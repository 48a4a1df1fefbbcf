/**
 * A Supabase for tests: patient, and, where it is PGlite, on a copy of one that was migrated once for the whole run.
 * Making a database and migrating it costs two seconds of computing, a copy of its folder a fifth of one, and some
 * twenty-five files have a database of their own.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { newKeys } from "../../scripts/dev/keys.ts";
import { type RunningSupabase, type SupabaseOptions, startSupabase } from "../../scripts/dev/supabase.ts";
import { pathAsked } from "./path.ts";
import { PATIENT_SUPABASE } from "./patience.ts";

/** What a test may leave out: all but the port and the secret. */
export type TestSupabaseOptions = Partial<SupabaseOptions>;

export interface TestSupabase extends RunningSupabase {
  /** of its database, where the APIs of this run speak to it directly; else empty */
  readonly directUrl: string;
}

/** Starts one. Without `dbUrl` it is PGlite; in memory when `migrated` is not given. */
export async function startPatiently({
  migrated,
  ...options
}: TestSupabaseOptions & { migrated?: string }): Promise<TestSupabase> {
  const asked = { port: 0, jwtSecret: newKeys().jwtSecret, ...PATIENT_SUPABASE, ...options };
  const directUrl = pathAsked() === "direct" ? (asked.dbUrl ?? "") : "";
  if (asked.dbUrl || !migrated) return { ...(await startSupabase(asked)), directUrl };
  const folder = await mkdtemp(join(tmpdir(), "switchyard-test-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await cp(migrated, folder, { recursive: true });
    const supabase = await startSupabase({ ...asked, dataDir: folder });
    const stop = async () => {
      await supabase.stop();
      await remove();
    };
    return { ...supabase, directUrl, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Makes the folder that the others are copies of. */
export async function migrateOnce(folder: string): Promise<void> {
  const supabase = await startSupabase({ port: 0, functions: false, jwtSecret: newKeys().jwtSecret, dataDir: folder });
  await supabase.stop();
}

/** In a test file: on the run's database server, or on PGlite, without the edge functions. */
export function startOwn(options: TestSupabaseOptions = {}): Promise<TestSupabase> {
  const { dbUrl, adminDbUrl } = inject("servers");
  return startPatiently({ functions: false, ...(dbUrl ? { dbUrl, adminDbUrl } : {}), ...options, ...embedded() });
}

/** In a test file that needs PGlite, whatever the run's servers are. */
export const startEmbedded = (options: TestSupabaseOptions = {}): Promise<TestSupabase> =>
  startPatiently({ functions: false, ...options, ...embedded() });

function embedded(): { migrated?: string } {
  const { migrated } = inject("servers");
  return migrated ? { migrated } : {};
}
