/** The SQL files of supabase/, as the development Supabase and `switchyard db prepare` apply them. */
import { readdir, readFile } from "node:fs/promises";
import { CONTROL_ONLY, type Migration } from "../shared/postgres/prepare-data-plane.ts";

const SUPABASE = new URL("../supabase/", import.meta.url);
const FILE = /^(\d{14})_(.+)\.sql$/;

/** All migrations, in order. */
export async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(new URL("migrations/", SUPABASE)).catch(() => [])).sort();
  const found = files.flatMap((file) => {
    const [, version, name] = FILE.exec(file) ?? [];
    return version && name ? [{ version, name, file }] : [];
  });
  return Promise.all(
    found.map(async ({ version, name, file }) => ({
      version,
      name,
      text: await readFile(new URL(`migrations/${file}`, SUPABASE), "utf8"),
    })),
  );
}

/** What a Postgres that is not the control plane is prepared with. */
export async function readDataPlane(): Promise<{ base: string; migrations: Migration[] }> {
  const [base, migrations] = await Promise.all([
    readFile(new URL("data-plane/base.sql", SUPABASE), "utf8"),
    readMigrations(),
  ]);
  return { base, migrations: migrations.filter(({ text }) => text.split(/\r?\n/, 1)[0] !== CONTROL_ONLY) };
}
