/**
 * The migrations as the Supabase CLI applies them to a hosted project, where `postgres` is no superuser. Needs
 * SUPABASE_DB_URL, a database without Switchyard on loopback.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import postgres from "postgres";
import { parse } from "smol-toml";
import { afterAll, describe, expect, test } from "vitest";
import { installTool } from "../../tools/install.ts";
import { guardUrl } from "../setup/guard.ts";

const run = promisify(execFile);
const url = process.env.SUPABASE_DB_URL;
if (!url) throw new Error("Set SUPABASE_DB_URL to an empty Supabase database on this machine.");
guardUrl(url);
const sql = postgres(url, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());

const push = async () => {
  const target = `${url}${url.includes("?") ? "&" : "?"}sslmode=disable`;
  const { stdout, stderr } = await run(
    process.execPath,
    [await installTool("supabase"), "db", "push", "--yes", "--db-url", target],
    {
      env: { ...process.env, SUPABASE_TELEMETRY_DISABLED: "1" },
    },
  );
  return stdout + stderr;
};

describe("supabase db push", () => {
  test("applies every migration as postgres, who is no superuser", async () => {
    const [role] = await sql`select rolsuper from pg_roles where rolname = current_user`;
    expect(role?.rolsuper).toBe(false);
    const output = await push();
    expect(output).toContain("Finished supabase db push");
    const applied = await sql`select version from supabase_migrations.schema_migrations order by version`;
    expect(applied.length).toBeGreaterThanOrEqual(10);
  });

  test("a second push applies nothing", async () => {
    expect(await push()).toContain("up to date");
  });

  test("every user that is inserted then has a home", async () => {
    const id = crypto.randomUUID();
    const admin = postgres(url.replace("postgres@", "supabase_auth_admin@"), { max: 1, onnotice: () => {} });
    try {
      await admin`insert into auth.users (id, aud, role, email) values (${id}, 'authenticated', 'authenticated', ${`${id}@switchyard.test`})`;
      const [{ claims } = { claims: null }] = await admin`
        select public.custom_access_token_hook(${admin.json({ user_id: id, claims: { sub: id, app_metadata: {} } })})->'claims' as claims`;
      expect(claims).toMatchObject({ app_metadata: { home: "supabase" } });
      await admin`delete from auth.users where id = ${id}`;
    } finally {
      await admin.end();
    }
  });
});

describe("supabase/config.toml", () => {
  test("names both hooks, Google, and functions that do their own authentication", async () => {
    const config = parse(await readFile("supabase/config.toml", "utf8"));
    expect(config).toMatchObject({
      auth: {
        hook: {
          before_user_created: { enabled: true, secrets: "env(BEFORE_USER_CREATED_HOOK_SECRET)" },
          custom_access_token: { enabled: true, uri: "pg-functions://postgres/public/custom_access_token_hook" },
        },
        external: { google: { client_id: "env(SUPABASE_AUTH_EXTERNAL_GOOGLE_CLIENT_ID)" } },
      },
      functions: { "before-user-created": { verify_jwt: false }, purge: { verify_jwt: false } },
    });
  });
});
