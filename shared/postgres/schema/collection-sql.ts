/**
 * The migration of a collection, printed from its definition. What it prints is committed, read by people and may be
 * edited; test/integration/schema-postgres.test.ts then says where the database and the definition differ.
 */
import type { Collection } from "../../definition/define.ts";
import { referencesFrom } from "../../definition/references.ts";
import { type Column, fieldColumns, literal, MAX_INDEXED_LENGTH, searchColumns } from "./columns.ts";

/** What `collectionSql` puts where the table is made elsewhere than in `public`. */
export interface SqlOptions {
  schema?: string;
}

/** The SQL that creates a collection's table; `all` are the collections that it may refer to. */
export function collectionSql(
  collection: Collection,
  all: readonly Collection[],
  { schema = "public" }: SqlOptions = {},
): string {
  if (collection.placement.kind !== "home" || collection.scope.kind !== "owner")
    throw new Error(`collection ${collection.name}: only home collections of an owner have a table in Postgres so far`);
  const table = `${schema}.${collection.name}`;
  return [
    `-- ${capital(collection.title)} records. Printed by: switchyard collection sql ${collection.name}`,
    tableSql(collection, all, schema),
    indexSql(collection, table),
    accessSql(collection, table),
    triggerSql(table),
    [
      "-- Purges and counts read this list.",
      "insert into switchyard.collections (name, placement, owner_column)",
      `values (${literal(collection.name)}, 'home', 'user_id')`,
      "on conflict (name) do nothing;",
    ].join("\n"),
    "-- PostgREST keeps the schema in memory.\nnotify pgrst, 'reload schema';\n",
  ].join("\n\n");
}

function tableSql(collection: Collection, all: readonly Collection[], schema: string): string {
  const columns = [
    "user_id uuid not null",
    "id uuid not null",
    ...[...fieldColumns(collection), ...searchColumns(collection)].map(columnSql),
    "create_hash text check (char_length(create_hash) <= 200)",
    "version bigint not null",
    "created_at timestamptz(3) not null",
    "updated_at timestamptz(3) not null",
  ];
  const references = referencesFrom(collection).map(({ field, target }) => {
    if (!all.some(({ name, placement }) => name === target && placement.kind === "home"))
      throw new Error(`collection ${collection.name}: ${field} refers to ${target}, which is no home collection`);
    const name = identifier(collection.name, field, "fkey");
    return [
      `constraint ${name}`,
      `    foreign key (user_id, ${field}) references ${schema}.${target} (user_id, id)`,
      "    deferrable initially immediate",
    ].join("\n");
  });
  const key = `constraint ${identifier(collection.name, "pkey")} primary key (user_id, id)`;
  const lines = [...columns, key, ...references].map((line) => `  ${line}`);
  return [
    "-- Ids are unique per owner: a key over all owners would tell a stranger that an id exists. References name the",
    "-- owner, too, because foreign keys look past row-level security.",
    `create table ${schema}.${collection.name} (\n${lines.join(",\n")}\n);`,
  ].join("\n");
}

function columnSql({ name, type, nullable, default: value, generated, check }: Column): string {
  return [
    `${name} ${type}`,
    nullable ? "" : " not null",
    value === undefined ? "" : ` default ${value}`,
    generated === undefined ? "" : ` generated always as (${generated}) stored`,
    check === undefined ? "" : ` check (${check})`,
  ].join("");
}

function indexSql(collection: Collection, table: string): string {
  const { name, fields, sorts, unique } = collection;
  const isLong = (field: string) => (fields[field]?.maxLength ?? 0) > MAX_INDEXED_LENGTH;
  const long = unique.flat().find(isLong);
  if (long) throw new Error(`collection ${name}: ${long} is too long to be unique, at most ${MAX_INDEXED_LENGTH}`);
  const index = (field: string, columns: string) =>
    `create index ${identifier(name, field, "idx")} on ${table} (${columns});`;
  const sortable = sorts.filter((field) => !isLong(field));
  const references = referencesFrom(collection)
    .map(({ field }) => field)
    .filter((field) => !sortable.includes(field));
  return [
    "-- Pages are read in index order, for every sort of the API; deleting looks for what refers to a record.",
    ...sortable.map((field) => index(field, `user_id, ${field}, id`)),
    ...references.map((field) => index(field, `user_id, ${field}`)),
    ...unique.map(
      (key) => `create unique index ${identifier(name, ...key, "key")} on ${table} (user_id, ${key.join(", ")});`,
    ),
  ].join("\n");
}

function accessSql(collection: Collection, table: string): string {
  const written = [...fieldColumns(collection), ...searchColumns(collection)]
    .filter(({ generated }) => generated === undefined)
    .map(({ name }) => name);
  return `-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only while the owner's home is this database: nobody whose home is MongoDB can leave anything here.
-- (Both are looked up once in a statement. The comparison with 'supabase' stands inside: outside, Postgres takes it for
-- something that one row in 200 passes, and sorts all records of the owner instead of reading them in index order.)
alter table ${table} enable row level security;
create policy ${identifier(collection.name, "owner")} on ${table} for all to authenticated
  using (
    user_id = (select auth.uid())
    and (select a.database_provider = 'supabase' from public.user_database_assignments a where a.user_id = (select auth.uid()))
  )
  with check (
    user_id = (select auth.uid())
    and (select a.database_provider = 'supabase' from public.user_database_assignments a where a.user_id = (select auth.uid()))
  );

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on ${table} from public, anon, authenticated, service_role;
grant select, delete on ${table} to authenticated;
grant insert (${wrap(["user_id", "id", ...written, "create_hash"])}) on ${table} to authenticated;
grant update (${wrap(written)}) on ${table} to authenticated;
grant select, insert, update, delete on ${table} to service_role;`;
}

const triggerSql = (
  table: string,
) => `-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone.
create trigger switchyard_stamp before insert or update on ${table}
  for each row execute function switchyard.stamp_record();
create trigger switchyard_check_tombstones after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.check_tombstones();
create trigger switchyard_bury after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.bury_records();
alter table ${table} enable always trigger switchyard_stamp;
alter table ${table} enable always trigger switchyard_check_tombstones;
alter table ${table} enable always trigger switchyard_bury;`;

/** A name of at most 63 bytes; Postgres would cut a longer one, and two could become the same. */
function identifier(...parts: string[]): string {
  const name = parts.join("_");
  if (name.length > 63) throw new Error(`the name ${name} is too long for Postgres; shorten the field or collection`);
  return name;
}

const wrap = (names: string[]) => (names.length > 6 ? `\n  ${names.join(", ")}\n` : names.join(", "));
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
