/** A Supabase on a database of the test file's own, for tests that change what every sign-up sees. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import { newKeys } from "../../scripts/dev/keys.ts";
import { type RunningSupabase, startSupabase } from "../../scripts/dev/supabase.ts";

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
  const name = `switchyard_own_${randomUUID().replaceAll("-", "")}`;
  const owner = decodeURIComponent(new URL(dbUrl).username);
  const at = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).toString();
  const script = async (url: string, text: string) => {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    await sql
      .unsafe(text)
      .simple()
      .finally(() => sql.end());
  };
  await script(adminDbUrl, `create database ${name} owner "${owner}"`);
  const drop = () => script(adminDbUrl, `drop database if exists ${name} with (force)`);
  try {
    await script(
      at(adminDbUrl),
      `create schema auth;
       grant usage on schema auth to "${owner}";
       alter default privileges in schema auth grant all on tables to "${owner}", supabase_auth_admin`,
    );
    const supabase = await startSupabase({
      ...options,
      functions: false,
      dbUrl: at(dbUrl),
      adminDbUrl: at(adminDbUrl),
    });
    const stop = async () => {
      await supabase.stop();
      await drop();
    };
    return { ...supabase, adminUrl: at(adminDbUrl), stop };
  } catch (error) {
    await drop();
    throw error;
  }
}
