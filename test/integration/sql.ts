/** Raw SQL for tests, as the role that owns the tables. */
import postgres from "postgres";
import { startSupabase } from "../../scripts/dev/supabase.ts";

export type Sql = <T = Record<string, unknown>>(text: string, parameters?: readonly unknown[]) => Promise<T[]>;

export interface RawSql {
  sql: Sql;
  /** several statements, in one transaction */
  script(text: string): Promise<void>;
  close(): Promise<void>;
}

/** The database given by URL, which the run has migrated; else one of this file's own, on PGlite. */
export async function openSql(): Promise<RawSql> {
  const url = process.env.SUPABASE_DB_URL;
  const script = (sql: Sql) => async (text: string) => {
    await sql(`do $script$ begin execute $text$${text}$text$; end $script$`);
  };
  if (url) {
    const client = postgres(url, { max: 4, onnotice: () => undefined });
    const sql = (async (text: string, parameters: readonly unknown[] = []) => [
      ...(await client.unsafe(text, parameters as never[])),
    ]) as unknown as Sql;
    return { sql, script: script(sql), close: () => client.end() };
  }
  const supabase = await startSupabase({ port: 0, functions: false, jwtSecret: crypto.randomUUID() });
  const sql: Sql = (text, parameters = []) => supabase.sql(text, [...parameters]);
  return { sql, script: script(sql), close: () => supabase.stop() };
}
