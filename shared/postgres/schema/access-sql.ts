/** Who may do what with a collection's table, and the triggers that nobody gets past. */
import type { Collection } from "../../definition/define.ts";
import { fieldColumns } from "./columns.ts";
import { identifier, literal } from "./quoting.ts";

/** Row-level security, its policies, and the grants. */
export function accessSql(collection: Collection, table: string): string {
  const written = fieldColumns(collection).map(({ name }) => name);
  return `${policySql(collection, table)}

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on ${table} from public, anon, authenticated, service_role;
grant select, delete on ${table} to authenticated;
grant insert (${wrap([collection.scope.field, "id", ...written, "create_hash"])}) on ${table} to authenticated;
grant update (${wrap(written)}) on ${table} to authenticated;
grant select, insert, update, delete on ${table} to service_role;`;
}

/** One policy for each operation: what a home that is being moved allows differs. */
function policySql({ name, placement, scope }: Collection, table: string): string {
  const may = (writing: boolean) => {
    const place =
      placement.kind === "pinned" ? placement.database : placement.kind === "replicated" && placement.primary;
    const condition = place ? `is_here(${literal(place)})` : `is_home(${writing})`;
    const mine = `${scope.field} = (select auth.uid())`;
    return `${mine} and ${scope.field} = (select case when switchyard.${condition} then auth.uid() end)`;
  };
  const why =
    placement.kind === "home"
      ? `-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only while the owner's home is this database: nobody whose home is another can leave anything here.
-- (Both are looked up once in a statement, in a select of their own. The home stands in an equality, too, because Postgres
-- looks at that before it reads anything; beside it, it would be asked only once a row is found.)`
      : `-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only in the database that it is pinned to. (Both are looked up once in a statement, in a select of their
-- own.)`;
  const policy = (verb: string, condition: string) =>
    `create policy ${identifier(name, verb)} on ${table} for ${verb} to authenticated\n  ${condition};`;
  return [
    why,
    `alter table ${table} enable row level security;`,
    policy("select", `using (${may(false)})`),
    policy("insert", `with check (${may(true)})`),
    policy("update", `using (${may(true)})`),
    policy("delete", `using (${may(true)})`),
  ].join("\n");
}

/** The triggers that keep versions, tombstones, and how much each user has. */
export function triggerSql(collection: Collection, table: string): string {
  return collection.placement.kind === "replicated"
    ? replicatedTriggerSql(collection, table)
    : keptTriggerSql(collection, table);
}

function keptTriggerSql({ scope }: Collection, table: string): string {
  const owner = scope.field === "user_id" ? "" : literal(scope.field);
  return `-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone,
-- nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on ${table}
  for each row execute function switchyard.stamp_record(${owner});
create trigger switchyard_check_tombstones after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.check_tombstones(${owner});
create trigger switchyard_bury after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.bury_records(${owner});
${usageTriggers(owner, table)}
${enableAlways(table, ["stamp", "check_tombstones", "bury", ...USAGE])}`;
}

const USAGE = ["usage_insert", "usage_update", "usage_delete"];

const usageTriggers = (owner: string, table: string): string =>
  `create trigger switchyard_usage_insert after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.count_usage(${owner});
create trigger switchyard_usage_update after update on ${table}
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage(${owner});
create trigger switchyard_usage_delete after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.count_usage(${owner});`;

const enableAlways = (table: string, names: readonly string[]): string =>
  names.map((name) => `alter table ${table} enable always trigger switchyard_${name};`).join("\n");

/** Of rows that have a copy: versions by site, tombstones that wait for it, and marks. */
function replicatedTriggerSql({ scope }: Collection, table: string): string {
  const owner = literal(scope.field);
  const usage = usageTriggers(scope.field === "user_id" ? "" : owner, table);
  const marking = (["insert", "update", "delete"] as const).map(
    (verb) => `create trigger switchyard_mark_${verb} after ${verb} on ${table}
  referencing ${verb === "delete" ? "old" : "new"} table as changed for each statement execute function switchyard.mark_rows();`,
  );
  return `-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark, nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on ${table}
  for each row execute function switchyard.stamp_replicated(${owner});
create trigger switchyard_check_tombstones after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones(${owner});
create trigger switchyard_bury after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.bury_replicated(${owner});
create trigger switchyard_bury_all before truncate on ${table}
  for each statement execute function switchyard.bury_all_replicated(${owner});
${marking.join("\n")}
${usage}
${enableAlways(table, ["stamp", "check_tombstones", "bury", "bury_all", "mark_insert", "mark_update", "mark_delete", ...USAGE])}`;
}

const wrap = (names: string[]) => (names.length > 6 ? `\n  ${names.join(", ")}\n` : names.join(", "));
