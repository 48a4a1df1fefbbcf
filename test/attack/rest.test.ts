/**
 * Supabase's REST with an ordinary user's token, with a MongoDB user's, and with the publishable key alone: everything
 * that the catalogues of its schema know is tried, and only what `rest-allowed.ts` lists may work.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allowedFunctions, allowedRelations } from "./rest-allowed.ts";
import { type RestAttack, startRestAttack } from "./rest-attack.ts";
import { attackFunctions } from "./rest-functions.ts";
import { attackLedger } from "./rest-ledger.ts";
import { attackTables } from "./rest-tables.ts";

let attack: RestAttack;
const sql: RestAttack["database"]["sql"] = (...query) => attack.database.sql(...query);
beforeAll(async () => {
  attack = await startRestAttack();
});
afterAll(() => attack?.database.stop());

describe("the grants", () => {
  test("on tables, views and columns are those of the list, in every schema", async () => {
    const found = await sql<{ role: string; schema: string; name: string; verb: string; columns: string[] }>(
      `select r.role, n.nspname as schema, c.relname as name, v.verb, array_agg(a.attname::text order by a.attname) as columns
       from (values ('anon'), ('authenticated')) r(role)
       cross join (values ('select'), ('insert'), ('update'), ('references')) v(verb)
       cross join pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
       where c.relkind in ('r', 'v', 'm', 'p', 'f') and a.attnum > 0 and not a.attisdropped and n.nspname !~ '^(pg_|information_schema$)'
         and has_schema_privilege(r.role, n.oid, 'usage') and has_column_privilege(r.role, c.oid, a.attnum, v.verb)
       group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    );
    const expected = Object.entries(allowedRelations).flatMap(([name, rights]) =>
      (["select", "insert", "update"] as const)
        .filter((verb) => rights[verb].length > 0)
        .map((verb) => ({ role: "authenticated", schema: "public", name, verb, columns: rights[verb] })),
    );
    const key = ({ schema, name, verb }: { schema: string; name: string; verb: string }) => `${schema}.${name} ${verb}`;
    expect(found.sort((a, b) => (key(a) < key(b) ? -1 : 1))).toEqual(
      expected.sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    );
    const whole = await sql<{ role: string; name: string; verb: string }>(
      `select r.role, c.relname as name, v.verb from (values ('anon'), ('authenticated')) r(role)
       cross join (values ('delete'), ('truncate'), ('trigger')) v(verb) cross join pg_class c
       where c.relkind in ('r', 'v', 'm', 'p', 'f') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
         and has_schema_privilege(r.role, c.relnamespace, 'usage') and has_table_privilege(r.role, c.oid, v.verb) order by 2`,
    );
    const deleted = Object.keys(allowedRelations).filter((name) => allowedRelations[name]?.delete);
    expect(whole).toEqual(deleted.sort().map((name) => ({ role: "authenticated", name, verb: "delete" })));
  });

  test("on sequences: none; on functions that REST shows: those of the list; every table has row-level security", async () => {
    const sequences = await sql(
      `select r.role, c.relname from (values ('anon'), ('authenticated')) r(role), pg_class c
       where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'switchyard'::regnamespace)
         and has_schema_privilege(r.role, c.relnamespace, 'usage') and has_sequence_privilege(r.role, c.oid, 'usage, select, update')`,
    );
    expect(sequences).toEqual([]);
    const functions = await sql<{ role: string; name: string; definer: boolean }>(
      `select r.role, p.proname::text as name, p.prosecdef as definer from (values ('anon'), ('authenticated')) r(role), pg_proc p
       where p.pronamespace = 'public'::regnamespace and has_function_privilege(r.role, p.oid, 'execute') order by 2`,
    );
    expect(functions).toEqual(allowedFunctions.map((name) => ({ role: "authenticated", name, definer: false })));
    const open = await sql(
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm')
         and not relrowsecurity and (has_any_column_privilege('anon', oid, 'select, insert, update') or has_any_column_privilege('authenticated', oid, 'select, insert, update'))`,
    );
    expect(open).toEqual([]);
  });
});

attackTables(() => attack);
attackLedger(() => attack);
attackFunctions(() => attack);
