/** The migrated Postgres against the definitions: what differs is drift, whichever of the two has been changed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tableCollections } from "../../shared/collections/index.ts";
import { type Collection, userFieldOf } from "../../shared/definition/define.ts";
import type { FieldKind } from "../../shared/definition/fields.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { byHand } from "./by-hand.ts";
import { openSql, type RawSql } from "./sql.ts";
import { snapshot } from "./table-snapshot.ts";

const COPY = `drift_${crypto.randomUUID().slice(0, 8)}`;
let database: RawSql;

/** The tables as the definitions have them now, in a schema of their own. */
beforeAll(async () => {
  database = await openSql();
  await database.script(`create schema ${COPY}`);
  for (const collection of tableCollections)
    await database.script(collectionSql(collection, tableCollections, { schema: COPY }));
  await database.script(byHand(COPY));
});
afterAll(async () => {
  await database.script(`drop schema ${COPY} cascade`);
  await database.close();
});

const TYPES: Record<FieldKind, string> = {
  text: "text collate C",
  enum: "text collate C",
  currency: "text collate C",
  money: "numeric(19,4)",
  decimal: "numeric(19,4)",
  integer: "bigint",
  boolean: "boolean",
  day: "date",
  instant: "timestamp(3) with time zone",
  reference: "uuid",
  tags: "text[] collate C",
  json: "jsonb",
};

describe.each(tableCollections.map((collection) => [collection.name, collection] as const))(
  "%s",
  (name, collection) => {
    test("has the columns, checks, keys, indexes, policies, grants and triggers of its definition", async () => {
      const found = await snapshot(database.sql, "public", name);
      expect(found).toEqual(await snapshot(database.sql, COPY, name));
    });

    test("has a column of the right type for each field", async () => {
      const { columns } = await snapshot(database.sql, "public", name);
      for (const [field, { kind, required }] of Object.entries(collection.fields)) {
        const [, type, isRequired] = /^(.*?)( not null)?( default .*)?$/.exec(columns[field] ?? "") ?? [];
        expect([field, type, Boolean(isRequired)]).toEqual([field, TYPES[kind], required]);
      }
    });

    test("is known to purges and counts", async () => {
      const rows = await database.sql("select placement, owner_column from switchyard.collections where name = $1", [
        name,
      ]);
      expect(rows).toEqual([{ placement: collection.placement.kind, owner_column: userFieldOf(collection) }]);
    });
  },
);

test("every table that is listed has a definition", async () => {
  const rows = await database.sql<{ name: string }>("select name from switchyard.collections order by name");
  expect(rows.map(({ name }) => name)).toEqual(tableCollections.map(({ name }: Collection) => name).sort());
});

describe("drift is seen", () => {
  const table = `${COPY}.expenses`;
  test.each([
    ["a column", `alter table ${table} add column extra text`],
    ["a type", `alter table ${table} alter column amount type numeric(19,2)`],
    ["a collation", `alter table ${table} alter column currency type text collate "default"`],
    ["nullability", `alter table ${table} alter column date drop not null`],
    ["a default", `alter table ${table} alter column tags drop default`],
    ["a check", `alter table ${table} drop constraint expenses_currency_check`],
    ["a foreign key", `alter table ${table} drop constraint expenses_category_id_fkey`],
    ["an index", `drop index ${COPY}.expenses_date_idx`],
    ["row-level security", `alter table ${table} disable row level security`],
    ["a policy", `alter policy expenses_select on ${table} using (true)`],
    [
      "a policy that an earlier version has printed",
      `create policy expenses_owner on ${table} using (user_id = (select auth.uid())
         and (select a.database_provider = 'supabase' from public.user_database_assignments a where a.user_id = (select auth.uid())))`,
    ],
    ["a grant", `grant insert (version) on ${table} to authenticated`],
    ["a trigger", `alter table ${table} enable trigger switchyard_stamp`],
  ])("in %s", async (_, change) => {
    const before = await snapshot(database.sql, COPY, "expenses");
    await database.script(change);
    expect(await snapshot(database.sql, COPY, "expenses")).not.toEqual(before);
  });
});
