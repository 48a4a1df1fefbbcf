/** Who may do what with a collection's table, and the triggers that nobody gets past. */
import { type Collection, isTwoWay, userFieldOf, VERBS } from "../../definition/define.ts";
import { fieldColumns } from "./columns.ts";
import { identifier, literal } from "./quoting.ts";

/** Row-level security, its policies, and the grants. */
export function accessSql(collection: Collection, table: string): string {
  return `${policySql(collection, table)}

-- Supabase's default privileges grant everything by name, so it is taken away by name. Version and times are the
-- trigger's; the id, the owner and the hash of the request that created a record never change. Nobody may truncate:
-- that leaves no tombstones.
revoke all on ${table} from public, anon, authenticated, service_role;
${grantSql(collection, table)}
grant select, insert, update, delete on ${table} to service_role;`;
}

function grantSql(collection: Collection, table: string): string {
  const { usersMay, fields, scope } = collection;
  const written = fieldColumns(collection).map(({ name }) => name);
  const changed = written.filter((name) => !fields[name]?.isAuthor);
  return [
    `grant select${usersMay.includes("delete") ? ", delete" : ""} on ${table} to authenticated;`,
    ...(usersMay.includes("insert")
      ? [`grant insert (${wrap([scope.field, "id", ...written, "create_hash"])}) on ${table} to authenticated;`]
      : []),
    ...(usersMay.includes("update") ? [`grant update (${wrap(changed)}) on ${table} to authenticated;`] : []),
  ].join("\n");
}

/** The rooms that the caller is a member of hold that field's value. */
const inRooms = (members: string, field: string): string =>
  `${field} = any ((select switchyard.memberships(${literal(members)}))::uuid[])`;

/** One policy for each operation: what a home that is being moved allows differs. */
function policySql(collection: Collection, table: string): string {
  const { name, placement, scope, readers, usersMay } = collection;
  const callerWhile = (writing: boolean) => {
    const place =
      placement.kind === "pinned" ? placement.database : placement.kind === "replicated" && placement.primary;
    const condition = place ? `is_here(${literal(isTwoWay(collection) ? "supabase" : place)})` : `is_home(${writing})`;
    return `(select case when switchyard.${condition} then auth.uid() end)`;
  };
  const [reader, writer] = [callerWhile(false), callerWhile(true)];
  const mayWrite =
    scope.kind === "owner"
      ? `${scope.field} = (select auth.uid()) and ${scope.field} = ${writer}`
      : `${inRooms(scope.members, scope.field)} and ${scope.author} = ${writer}`;
  const mayRead =
    readers === "everyone"
      ? `${reader} is not null`
      : readers !== null
        ? `(${scope.field} = (select auth.uid()) or ${inRooms(readers.members, readers.field)}) and ${reader} is not null`
        : scope.kind === "owner"
          ? `${scope.field} = (select auth.uid()) and ${scope.field} = ${reader}`
          : scope.author === null
            ? `${inRooms(scope.members, scope.field)} and ${reader} is not null`
            : `(${inRooms(scope.members, scope.field)} or ${scope.author} = (select auth.uid())) and ${reader} is not null`;
  const policy = (verb: string, condition: string) =>
    `create policy ${identifier(name, verb)} on ${table} for ${verb} to authenticated\n  ${condition};`;
  return [
    reasonFor(collection),
    `alter table ${table} enable row level security;`,
    policy("select", `using (${mayRead})`),
    ...VERBS.filter((verb) => usersMay.includes(verb)).map((verb) =>
      policy(verb, `${verb === "insert" ? "with check" : "using"} (${mayWrite})`),
    ),
  ].join("\n");
}

/** What stands above the policies. */
function reasonFor({ placement, scope, readers, usersMay }: Collection): string {
  if (scope.kind === "member" || readers !== null)
    return [
      "-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out.",
      ...(readers === "everyone"
        ? ["-- Whoever is signed in reads every record, and writes their own."]
        : [
            "-- A record is seen by the members of its room, and by whose it is. (Who asks, and what rooms they are in, is looked",
            "-- up once in a statement, in selects of their own; the rooms by a function that looks past the members' own",
            "-- row-level security.)",
          ]),
      ...(usersMay.length === 0 ? ["-- Nobody writes here but the system's functions."] : []),
    ].join("\n");
  return placement.kind === "home"
    ? `-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only while the owner's home is this database: nobody whose home is another can leave anything here.
-- (Both are looked up once in a statement, in a select of their own. The home stands in an equality, too, because Postgres
-- looks at that before it reads anything; beside it, it would be asked only once a row is found.)`
    : `-- Everyone may call Supabase's REST with their own token, so this is where a stranger is kept out. A record is its
-- owner's, and only in the database that it is pinned to. (Both are looked up once in a statement, in a select of their
-- own.)`;
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
  const counted = isCounted(collection);
  return `-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone${counted ? ",\n-- nothing that a user keeps without being counted" : ""}.
create trigger switchyard_stamp before insert or update on ${table}
  for each row execute function switchyard.stamp_record(${owner});
create trigger switchyard_check_tombstones after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.check_tombstones(${owner});
create trigger switchyard_bury after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.bury_records(${owner});
${counted ? `${usageTriggers(collection, table)}\n` : ""}${enableAlways(table, ["stamp", "check_tombstones", "bury", ...(counted ? USAGE : [])])}`;
}

/** What others may write in somebody's name would use up that user's quota. */
const isCounted = ({ usersMay }: Collection): boolean => usersMay.includes("insert");

const REPLICATED = [
  "stamp",
  "check_tombstones",
  "bury",
  "bury_all",
  "fence",
  "mark_insert",
  "mark_update",
  "mark_delete",
];
const USAGE = ["usage_insert", "usage_update", "usage_delete"];

function usageTriggers(collection: Collection, table: string): string {
  const user = userFieldOf(collection);
  const owner = user === "user_id" ? "" : literal(user);
  return `create trigger switchyard_usage_insert after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.count_usage(${owner});
create trigger switchyard_usage_update after update on ${table}
  referencing old table as updated_from new table as updated_to
  for each statement execute function switchyard.count_usage(${owner});
create trigger switchyard_usage_delete after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.count_usage(${owner});`;
}

const enableAlways = (table: string, names: readonly string[]): string =>
  names.map((name) => `alter table ${table} enable always trigger switchyard_${name};`).join("\n");

/** Of rows that have a copy: versions by site, tombstones that wait for it, and marks. */
function replicatedTriggerSql(collection: Collection, table: string): string {
  const owner = literal(collection.scope.field);
  const counted = isCounted(collection);
  // whose usage becomes less: where nothing is counted nobody's, and no user has a record's id
  const user = literal(counted ? userFieldOf(collection) : "id");
  const marking = (["insert", "update", "delete"] as const).map(
    (verb) => `create trigger switchyard_mark_${verb} after ${verb} on ${table}
  referencing ${verb === "delete" ? "old" : "new"} table as changed for each statement execute function switchyard.mark_rows();`,
  );
  return `-- Always, also for a session that replicates: no row may be without a new version, no deletion without a tombstone, no
-- change without a mark${counted ? ", nothing that a user keeps without being counted" : ""}.
create trigger switchyard_stamp before insert or update on ${table}
  for each row execute function switchyard.stamp_replicated(${owner});
create trigger switchyard_check_tombstones after insert on ${table}
  referencing new table as inserted for each statement execute function switchyard.check_replicated_tombstones(${owner});
create trigger switchyard_bury after delete on ${table}
  referencing old table as deleted for each statement execute function switchyard.bury_replicated(${owner});
create trigger switchyard_bury_all before truncate on ${table}
  for each statement execute function switchyard.bury_all_replicated(${[...new Set([owner, user])].join(", ")});
${marking.join("\n")}
${counted ? `${usageTriggers(collection, table)}\n` : ""}create trigger switchyard_fence before insert or update or delete or truncate on ${table}
  for each statement execute function switchyard.refuse_promoted();
${enableAlways(table, [...REPLICATED, ...(counted ? USAGE : [])])}`;
}

const wrap = (names: string[]) => (names.length > 6 ? `\n  ${names.join(", ")}\n` : names.join(", "));
