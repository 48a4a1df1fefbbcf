/** Raw SQL for tests, on a Supabase of the file's own. */
import { startTestSupabase } from "../setup/supabase.ts";

export type Sql = <T = Record<string, unknown>>(text: string, parameters?: readonly unknown[]) => Promise<T[]>;

export interface RawSql {
  sql: Sql;
  /** several statements, in one transaction */
  script(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function openSql(): Promise<RawSql> {
  const supabase = await startTestSupabase();
  return {
    sql: supabase.sql,
    script: async (text) => {
      await supabase.sql(`do $script$ begin execute $text$${text}$text$; end $script$`);
    },
    close: () => supabase.stop(),
  };
}
