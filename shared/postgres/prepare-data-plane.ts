/**
 * Makes a Postgres that is not the control plane fit to be a home: `supabase/data-plane/base.sql`, and then every migration
 * that is for every Postgres, each once. All goes through single statements, so that a pooler in transaction mode will do.
 */

/** As much of a driver as is needed; one that owns the database, not a user's. */
export interface SqlClient {
  query(text: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** a text without parameters, whose answer is of no interest */
  script(text: string): Promise<void>;
}

export interface Migration {
  /** its file's number */
  version: string;
  name: string;
  text: string;
}

export interface DataPlane {
  /** as in `switchyard.databases` of the control plane */
  name: string;
  site: number;
  base: string;
  /** in order */
  migrations: readonly Migration[];
}

/** The database, or the role that is connected, will not do; the message says what to do. */
export class UnfitDataPlane extends Error {}

/** The first line of a migration that is the control plane's only. */
export const CONTROL_ONLY = "-- plane: control";

/** Of a class that Postgres leaves to others. */
const EARLIER_PRINT = "SY010";

/** The same number everywhere: two that prepare one database at once go one after the other. */
const LOCK = 720_575_941;

/** Returns the versions of the migrations that were missing. Safe to repeat, and by two at once. Throws `UnfitDataPlane`, or the driver's error. */
export async function prepareDataPlane(
  client: SqlClient,
  { name, site, base, migrations }: DataPlane,
): Promise<string[]> {
  await refuseUnfit(client, name, site);
  await client.script(
    alone(`execute ${quoted(base)};
  insert into switchyard.self (name, site, is_control) values (${quoted(name)}, ${Number(site)}, false)
  on conflict do nothing;`),
  );
  // once more: another may have been faster, and given it another name
  await refuseUnfit(client, name, site);
  const before = await client.query("select version from switchyard.migrations");
  const known = new Set(before.map(({ version }) => version));
  const waiting = migrations.filter(({ version }) => !known.has(version));
  for (const migration of waiting) {
    try {
      await client.script(alone(once(migration)));
    } catch (cause) {
      throw failed(migration, cause);
    }
  }
  return waiting.map(({ version }) => version);
}

/**
 * acts: whether the role can take on `authenticated`, or give itself that right. Since version 16 that takes the admin option
 * on it, which whoever makes the role gets.
 */
const FACTS = `
select to_regprocedure('switchyard.user_created()') is not null as is_control,
  to_regclass('switchyard.self') is not null as has_self,
  r.rolname::text as role,
  r.rolsuper or r.rolcreaterole as makes_roles,
  m.missing,
  case
    when 'authenticated' = any (m.missing) or r.rolsuper then true
    when current_setting('server_version_num')::int < 160000
      then r.rolcreaterole or pg_has_role(current_user, 'authenticated', 'MEMBER')
    else pg_has_role(current_user, 'authenticated', 'SET')
      or pg_has_role(current_user, 'authenticated', 'MEMBER WITH ADMIN OPTION')
  end as acts
from pg_catalog.pg_roles r
cross join (
  select array(select n from unnest(array['anon', 'authenticated', 'service_role']) n
    where not exists (select from pg_catalog.pg_roles where rolname = n) order by n) as missing
) m
where r.rolname = current_user`;

async function refuseUnfit(client: SqlClient, name: string, site: number): Promise<void> {
  const [found] = await client.query(FACTS);
  if (found?.is_control)
    throw new UnfitDataPlane(
      `This is the control plane, which has the accounts and is prepared by its migrations (supabase db push). Set DATABASE_${name.toUpperCase()} to the address of another database.`,
    );
  const missing = found?.makes_roles ? [] : (found?.missing as string[]);
  if (missing.length > 0 || !found?.acts)
    throw new UnfitDataPlane(
      `The role ${found?.role} may not ${missing.length > 0 ? "create roles" : "act as authenticated"}. As an administrator: ${missing.map((role) => `create role ${role} nologin noinherit; `).join("")}grant authenticated to "${found?.role}";`,
    );
  if (!found?.has_self) return;
  const [self] = await client.query("select name, site::int as site from switchyard.self");
  if (self && self.name !== name)
    throw new UnfitDataPlane(
      `This database is "${self.name}" already, and has that one's records. Give "${name}" a database of its own.`,
    );
  if (self && self.site !== site)
    throw new UnfitDataPlane(
      `This database writes versions with the site ${self.site}, and "${name}" is listed with ${site}. List it with the site that it has: switchyard databases remove ${name}, then switchyard databases add ${name} --site=${self.site}`,
    );
}

/** Names the migration, and the way out where it is the application's own and was meant for accounts only. */
function failed({ version, name }: Migration, cause: unknown): Error {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const said = `Migration ${version}_${name} failed: ${String(message ?? cause).replace(/\.$/, "")}.`;
  const isOfSql = /^(?=.*\d)[0-9A-Z]{5}$/.test(String(code)) && code !== EARLIER_PRINT;
  const marker = `Every database gets each migration but those that begin with the line "${CONTROL_ONLY}": if this one is for Supabase only, that is the line that it lacks.`;
  return new Error(isOfSql ? `${said} ${marker}` : said, { cause });
}

/** One statement, which is one transaction; whoever comes second waits for the first, and then sees what it did. */
const alone = (work: string) =>
  `do ${quoted(`declare
  v_earlier text;
begin
  perform pg_advisory_xact_lock(${LOCK});
  ${work}
end`)}`;

/**
 * Printed before there was switchyard.is_home(), a collection's one policy asks whether "supabase" is the owner's home. The
 * migration that brought that function has replaced those that were there; one that comes later would stay, and in a database
 * of another name keep everybody out. Policies of other names are the application's own.
 */
const REFUSE_EARLIER_PRINTS = `if to_regprocedure('switchyard.is_home(boolean)') is not null then
      select c.relname into v_earlier
      from switchyard.collections k
      join pg_catalog.pg_class c on c.oid = to_regclass(format('public.%I', k.name))
      join pg_catalog.pg_policy p on p.polrelid = c.oid and p.polname = c.relname || '_owner'
      where k.placement = 'home' and pg_get_expr(p.polqual, p.polrelid) !~ 'is_home'
      order by 1 limit 1;
      if v_earlier is not null then
        raise exception 'the policy of "%" is that of an earlier version and asks whether the home is "supabase". Print it again: switchyard collection sql %',
          v_earlier, v_earlier using errcode = '${EARLIER_PRINT}';
      end if;
    end if;`;

const once = ({ version, name, text }: Migration) => `if not exists (
    select from switchyard.migrations where version = ${quoted(version)}
  ) then
    execute ${quoted(text)};
    ${REFUSE_EARLIER_PRINTS}
    insert into switchyard.migrations (version, name) values (${quoted(version)}, ${quoted(name)});
  end if;`;

/** A text in dollar quotes that it does not contain. */
function quoted(text: string): string {
  let tag = "$q$";
  for (let tries = 1; text.includes(tag); tries++) tag = `$q${tries}$`;
  return `${tag}${text}${tag}`;
}
