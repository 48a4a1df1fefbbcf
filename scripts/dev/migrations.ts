/** Applies supabase/migrations in order, once each, recorded as the Supabase CLI records them. */
import { readMigrations } from "../migration-files.ts";
import type { Database } from "./database.ts";

/** Runs what `supabase db push` would run; what either has applied, the other leaves alone. Returns the new ones. */
export async function applyMigrations(database: Database): Promise<string[]> {
  const applied: string[] = [];
  for (const { version, name, text } of await readMigrations()) {
    const file = `${version}_${name}.sql`;
    await database.migrate(async (query, script) => {
      const known = await query("select 1 from supabase_migrations.schema_migrations where version = $1", [version]);
      if (known.length > 0) return;
      try {
        await script(text);
      } catch (cause) {
        throw new Error(`Migration ${file} failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
      await query(
        "insert into supabase_migrations.schema_migrations (version, statements, name) values ($1, array[$2], $3)",
        [version, text, name],
      );
      applied.push(file);
    });
  }
  return applied;
}
