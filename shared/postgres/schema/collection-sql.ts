/**
 * The migration of a collection, printed from its definition. What it prints is committed, read by people and may be
 * edited; test/integration/schema-postgres.test.ts then says where the database and the definition differ.
 */
import { orderOf, type Sort } from "../../contract/query.ts";
import {
  alsoReadBy,
  type Collection,
  identityOf,
  isTwoWay,
  type Placement,
  userFieldOf,
} from "../../definition/define.ts";
import { referencesFrom } from "../../definition/references.ts";
import { CONTROL_ONLY } from "../prepare-data-plane.ts";
import { accessSql, triggerSql } from "./access-sql.ts";
import { type Column, fieldColumns, MAX_INDEXED_LENGTH, searchColumns } from "./columns.ts";
import { identifier, literal } from "./quoting.ts";
import { referenceTriggers } from "./reference-rules-sql.ts";
import { ruleConstraints } from "./rules-sql.ts";

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
  const table = `${schema}.${collection.name}`;
  const triggers = referenceTriggers(collection, all, table);
  return [
    `${isOfControl(collection) ? `${CONTROL_ONLY}\n` : ""}-- ${capital(collection.title)} records. Printed by: switchyard collection sql ${collection.name}`,
    tableSql(collection, all, schema),
    indexSql(collection, table),
    accessSql(collection, table),
    triggerSql(collection, table),
    ...(triggers.length > 0 ? [triggers.join("\n")] : []),
    listSql(collection),
    "-- PostgREST keeps the schema in memory.\nnotify pgrst, 'reload schema';\n",
  ].join("\n\n");
}

/** Purges and counts read this list, and who puts together what two databases have written. */
function listSql(collection: Collection): string {
  const { name, placement, scope } = collection;
  const user = userFieldOf(collection);
  const values = {
    name: literal(name),
    placement: literal(placement.kind),
    owner_column: literal(user),
    ...(placement.kind === "replicated" && scope.field !== user && { scope_column: literal(scope.field) }),
    ...(isTwoWay(collection) && { takes_writes_behind: "true" }),
  };
  return [
    "-- Purges and counts read this list.",
    `insert into switchyard.collections (${Object.keys(values).join(", ")})`,
    `values (${Object.values(values).join(", ")})`,
    "on conflict (name) do nothing;",
  ].join("\n");
}

/** No other Postgres has what its triggers and policies call: copies are made of Supabase's own rows, and rooms are there. */
const isOfControl = ({ placement, scope, readers }: Collection): boolean =>
  placement.kind === "replicated" || scope.kind === "member" || readers !== null;

function tableSql(collection: Collection, all: readonly Collection[], schema: string): string {
  const { name: table, placement, scope } = collection;
  const { owner, perOwner } = identityOf(collection);
  const columns = [
    `${owner} uuid not null`,
    "id uuid not null",
    ...[...fieldColumns(collection), ...searchColumns(collection)].map(columnSql),
    "create_hash text check (char_length(create_hash) <= 200)",
    ...(placement.kind === "replicated" ? ["seen jsonb not null"] : []),
    "version bigint not null",
    "created_at timestamptz(3) not null",
    "updated_at timestamptz(3) not null",
  ];
  const references = referencesFrom(collection).map(({ field, target, where }) => {
    const parent = all.find(({ name }) => name === target);
    if (!parent || !isBeside(parent.placement, placement) || parent.scope.kind !== scope.kind)
      throw new Error(`collection ${table}: ${field} refers to ${target}, which is not kept where ${table} is`);
    const loose = Object.keys(where ?? {}).find((key) => !parent.fixedWhileReferenced.includes(key));
    if (loose !== undefined)
      throw new Error(
        `collection ${table}: ${field} asks for a ${loose}, which ${target} does not name in fixedWhileReferenced`,
      );
    return [
      `constraint ${identifier(table, field, "fkey")}`,
      `    foreign key (${owner}, ${field}) references ${schema}.${target} (${parent.scope.field}, id)`,
      "    deferrable initially immediate",
    ].join("\n");
  });
  const keys = perOwner
    ? [`constraint ${identifier(table, "pkey")} primary key (${owner}, id)`]
    : [
        `constraint ${identifier(table, "pkey")} primary key (id)`,
        `constraint ${identifier(table, owner, "id_key")} unique (${owner}, id)`,
      ];
  const lines = [...columns, ...keys, ...references, ...ruleConstraints(collection)].map((line) => `  ${line}`);
  return `${perOwner ? PER_OWNER : GLOBAL}\ncreate table ${schema}.${table} (\n${lines.join(",\n")}\n);`;
}

const PER_OWNER = `-- Ids are unique per owner: a key over all owners would tell a stranger that an id exists. References name the
-- owner, too, because foreign keys look past row-level security.`;
const GLOBAL = `-- Records stay where they are whoever owns them, so an id is theirs alone. The second key is for references, which name
-- the owner, too, because foreign keys look past row-level security.`;

/** Whether records of the one are always in the database where those of the other are. */
const isBeside = (one: Placement, other: Placement) => one.kind === other.kind && databaseOf(one) === databaseOf(other);

/** The one database in which records have their place; none where that depends on the owner. */
const databaseOf = (placement: Placement): string | undefined =>
  placement.kind === "pinned" ? placement.database : placement.kind === "replicated" ? placement.primary : undefined;

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
  const { name, fields, sorts, unique, scope } = collection;
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
    ...sortable.map((field) =>
      index(field, [scope.field, ...orderOf({ field, direction: "asc" }).map(fieldIn)].join(", ")),
    ),
    ...references.map((field) => index(field, `${scope.field}, ${field}`)),
    // by whom and by what they are also read, and purged
    ...alsoReadBy(collection).map((field) =>
      index(`by_${field}`, [field, ...orderOf({ field: "created_at", direction: "asc" }).map(fieldIn)].join(", ")),
    ),
    ...unique.map(
      (key) =>
        `create unique index ${identifier(name, ...key, "key")} on ${table} (${[scope.field, ...key].join(", ")});`,
    ),
  ].join("\n");
}

const fieldIn = ({ field }: Sort) => field;

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
