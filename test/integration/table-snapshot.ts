/** What a table is, read from the catalogs: everything that a definition decides, in a form that can be compared. */
import type { Sql } from "./sql.ts";

export interface TableSnapshot {
  columns: Record<string, string>;
  constraints: Record<string, string>;
  indexes: string[];
  rowSecurity: string;
  policies: Record<string, string>;
  /** by role; the owner's own are left out */
  grants: string[];
  triggers: Record<string, string>;
}

const SNAPSHOT = `
select jsonb_build_object(
  'columns', (
    select jsonb_object_agg(a.attname, concat_ws(' ',
      format_type(a.atttypid, a.atttypmod),
      case when a.attcollation <> 0 then 'collate ' || (select collname from pg_collation where oid = a.attcollation) end,
      case when a.attnotnull then 'not null' end,
      case a.attgenerated when 's' then 'generated' when '' then null else a.attgenerated::text end,
      case when a.attidentity <> '' then 'identity' end,
      (select 'default ' || pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = c.oid and d.adnum = a.attnum)
    )) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ),
  'constraints', (
    select jsonb_object_agg(o.conname, pg_get_constraintdef(o.oid)) from pg_constraint o
    where o.conrelid = c.oid and o.contype in ('p', 'f', 'c', 'u', 'x')
  ),
  'indexes', (select jsonb_agg(pg_get_indexdef(i.indexrelid) order by pg_get_indexdef(i.indexrelid)) from pg_index i where i.indrelid = c.oid and i.indisvalid),
  'rowSecurity', concat_ws(' ', case when c.relrowsecurity then 'enabled' end, case when c.relforcerowsecurity then 'forced' end),
  'policies', (
    select jsonb_object_agg(p.polname, concat_ws(' ',
      case when p.polpermissive then 'permissive' else 'restrictive' end,
      p.polcmd::text, (select string_agg(r::regrole::text, ',') from unnest(p.polroles) r),
      'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)
    )) from pg_policy p where p.polrelid = c.oid
  ),
  'grants', (
    select jsonb_agg(g.line order by g.line) from (
      select concat_ws(' ', case when x.grantee = 0 then 'public' else x.grantee::regrole::text end, x.privilege_type) as line
      from aclexplode(c.relacl) x where x.grantee <> c.relowner
      union all
      select concat_ws(' ', case when x.grantee = 0 then 'public' else x.grantee::regrole::text end, x.privilege_type, a.attname)
      from pg_attribute a, aclexplode(a.attacl) x where a.attrelid = c.oid and x.grantee <> c.relowner
    ) g
  ),
  'triggers', (
    select jsonb_object_agg(t.tgname, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid)) from pg_trigger t
    where t.tgrelid = c.oid and not t.tgisinternal
  )
)::text as snapshot
from pg_class c where c.oid = format('%I.%I', $1::text, $2::text)::regclass`;

/** The table `schema.name`; the schema's own name is left out, so that two schemas can be compared. */
export async function snapshot(sql: Sql, schema: string, name: string): Promise<TableSnapshot> {
  const rows = await sql<{ snapshot: string }>(SNAPSHOT, [schema, name]);
  return JSON.parse((rows[0]?.snapshot ?? "null").replaceAll(`${schema}.`, ""));
}
