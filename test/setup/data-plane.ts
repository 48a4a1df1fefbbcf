/** A Postgres of a test file's own that has nothing of Supabase's, prepared as a home. Needs the run's Postgres server. */
import postgres from "postgres";
import { readDataPlane } from "../../scripts/migration-files.ts";
import { prepareDataPlane } from "../../shared/postgres/prepare-data-plane.ts";
import type { Self } from "../../shared/repository/database.ts";
import { NEON } from "./repositories.ts";
import { createServerDatabase, type ServerDatabase } from "./server-database.ts";
import { servers } from "./servers.ts";

export interface DataPlane {
  /** as the owner of its tables, who is no superuser */
  readonly url: string;
  /** one statement, as that owner */
  sql<T extends object = Record<string, unknown>>(text: string, parameters?: readonly unknown[]): Promise<T[]>;
  stop(): Promise<void>;
}

/** An empty database there. */
export async function createBarePostgres(): Promise<ServerDatabase> {
  const { dbUrl, adminDbUrl } = servers();
  const created = await createServerDatabase(dbUrl, adminDbUrl);
  const admin = postgres(created.adminUrl, { max: 1, onnotice: () => undefined });
  try {
    await admin`drop schema auth cascade`;
  } finally {
    await admin.end();
  }
  return created;
}

export async function startDataPlane(self: Self = NEON): Promise<DataPlane> {
  const { dbUrl: url, drop } = await createBarePostgres();
  const owner = postgres(url, { max: 2, onnotice: () => undefined });
  const sql: DataPlane["sql"] = async <T>(text: string, parameters: readonly unknown[] = []) =>
    [...(await owner.unsafe(text, parameters as never[]))] as T[];
  const stop = async () => {
    await owner.end();
    await drop();
  };
  try {
    const script = async (text: string) => void (await owner.unsafe(text).simple());
    await prepareDataPlane({ query: sql, script }, { ...self, ...(await readDataPlane()) });
    return { url, sql, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
