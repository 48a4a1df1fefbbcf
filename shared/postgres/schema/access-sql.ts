/** Who may do what with a collection's table, and the triggers that nobody gets past. */
import { type Collection, isTwoWay, userFieldOf } from "../../definition/define.ts";
import { fieldColumns } from "./columns.ts";
import { identifier, literal } from "./quoting.ts";

/** Row-level security, its policies, and the grants. */
export function accessSql(collection: Collection, table: string): string {
  const written = fieldColumns(collection).map(({ name }) => name);
  const changed = written.filter((name) => !collection.fields[name]?.isAuthor);
  return `${policySql(collection, table)}

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on ${table} from public, anon, authenticated, service_role;
grant select, delete on ${table} to authenticated;
grant insert (${wrap([collection.scope.field, "id", ...written, "create_hash"])}) on ${table} to authenticated;
grant update (${wrap(changed)}) on ${table} to authenticated;
grant select, insert, update, delete on ${table} to service_role;`;
}

/** One policy for each operation: what a home that is being moved allows differs. */
function policySql(collection: Collection, table: string): string {
  const { name, placement, scope } = collection;
  const may = (writing: boolean) => {
    const place =
      placement.kind === "pinned" ? placement.database : placement.kind === "replicated" && placement.primary;
    const condition = place ? `is_here(${literal(isTwoWay(collection) ? "supabase" : place)})` : `is_home(${writing})`;
    const caller = `(select case when switchyard.${condition} then auth.uid() end)`;
    if (scope.kind === "owner") return `${scope.field} = (select auth.uid()) and ${scope.field} = ${caller}`;
    const seen = `${scope.field} = any ((select switchyard.memberships(${literal(scope.members)}))::uuid[])`;
    return writing ? `${seen} and ${scope.author} = ${caller}` : `${seen} and ${caller} is not null`;
  };
  const why =
    scope.kind === "member"
      ? `-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out: a record is seen by the
-- members of what it belongs to, and written by its author alone. (Who is a member of what is looked up once in a statement,
-- in a select of its own, by a function that looks past the members' own row-level security.)`
      : placement.kind === "home"
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

function keptTriggerSql(collection: Collection, table: string): string {
  const { scope } = collection;
  const owner = scope.field === "user_id" ? "" : literal(scope.field);
  const user = userFieldOf(collection) === "user_id" ? "" : literal(userFieldOf(collection));
  return `-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone,
-- nothing that a user keeps without being counted.
create trigger switchyard_stamp before insert or update on ${table}
  for each row execute function switchyard.stamp_record(${owner});
create trigger switchyard_check_tombstones after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.check_tombstones(${owner});
create trigger switchyard_bury after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.bury_records(${owner});
${usageTriggers(user, table)}
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
function replicatedTriggerSql(collection: Collection, table: string): string {
  const owner = literal(collection.scope.field);
  const user = userFieldOf(collection);
  const usage = usageTriggers(user === "user_id" ? "" : literal(user), table);
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
  for each statement execute function switchyard.bury_all_replicated(${[...new Set([owner, literal(user)])].join(", ")});
${marking.join("\n")}
${usage}
create trigger switchyard_fence before insert or update or delete or truncate on ${table}
  for each statement execute function switchyard.refuse_promoted();
${enableAlways(table, ["stamp", "check_tombstones", "bury", "bury_all", "fence", "mark_insert", "mark_update", "mark_delete", ...USAGE])}`;
}

const wrap = (names: string[]) => (names.length > 6 ? `\n  ${names.join(", ")}\n` : names.join(", "));
