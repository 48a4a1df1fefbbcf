/** A database of one's own on a Postgres server, as a hosted project's is: its owner is no superuser. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";

export interface ServerDatabase {
  readonly dbUrl: string;
  /** of the same database as administrator */
  readonly adminUrl: string;
  drop(): Promise<void>;
}

/** Makes it with the `auth` schema that lite and the migrations need; `dbUrl` and `adminDbUrl` name the server. */
export async function createServerDatabase(dbUrl: string, adminDbUrl: string): Promise<ServerDatabase> {
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
  } catch (error) {
    await drop();
    throw error;
  }
  return { dbUrl: at(dbUrl), adminUrl: at(adminDbUrl), drop };
}
