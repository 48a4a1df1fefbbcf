/** Suites write and delete: only on this machine, and only in databases that hold nobody's users but their own. */
import postgres from "postgres";

const MARK = "switchyard_test_database";

/** Throws unless every host of the URL is this machine. */
export function guardUrl(url: string): void {
  const hosts = (/^[a-z+]+:\/\/(?:[^@/]*@)?([^/?]*)/i.exec(url)?.[1] ?? "").split(",");
  for (const host of hosts) {
    const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    if (name !== "localhost" && name !== "::1" && !/^127(\.\d{1,3}){3}$/.test(name))
      throw new Error(`These tests write and delete: ${name || "this URL"} is not this machine, so they do not run.`);
  }
}

/** Throws if the database has users and was not marked, while it had none, by an earlier run. */
export async function guardDatabase(adminUrl: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, connect_timeout: 60, onnotice: () => undefined });
  try {
    const [mark] = await sql`select to_regclass(${`public.${MARK}`}) is not null as there`;
    if (mark?.there) return;
    const [auth] = await sql`select to_regclass('auth.users') is not null as there`;
    const [users] = auth?.there ? await sql`select exists (select from auth.users) as some` : [{ some: false }];
    if (users?.some)
      throw new Error("This database holds users that these tests did not make, so they do not run on it.");
    await sql.unsafe(`create table public.${MARK} (); revoke all on public.${MARK} from public`);
  } finally {
    await sql.end({ timeout: 2 });
  }
}
