/**
 * Accounts: users of Auth with all that is theirs alone in the control plane (identities, factors, their home, ...). What a
 * backup has of them is laid beside the tables first, for this session alone, so that it is known of everybody what would
 * become of them before anything is written. Then a user comes with everything, or not at all.
 */
import type { Line } from "./record-lines.ts";
import { insertLines, LINES, shapeOfTable, type TableShape, unknownColumns } from "./restore-tables.ts";
import { isOfData, type SqlConnection, type SqlQuery } from "./sql.ts";

export const USERS = "auth.users";
export const ASSIGNMENTS = "public.user_database_assignments";

/**
 * new      nobody here has that id
 * living   the account is here, and stays as it is
 * gone     it was here, and was deleted since
 * taken    another account has the address by now
 */
type AccountState = "new" | "living" | "gone" | "taken";

const LINES_AT_ONCE = 500;

export interface AccountsOptions {
  sql: SqlConnection;
  /** where users who are not here come to be at home, by where they were */
  homes: ReadonlyMap<string, string>;
  /** only this one, by id or address; null: all */
  only: string | null;
}

export interface Accounts {
  /** Lines of one table of accounts; that of the users first. */
  stage(table: string, lines: AsyncIterable<Line>): Promise<void>;
  /** Once all are staged: looks at who is here. */
  judge(): Promise<Record<AccountState, number>>;
  /** Where these are at home, or come to be; those that the backup has no account of are left out. */
  homesOf(users: readonly string[]): Promise<Map<string, { home: string | null; state: AccountState }>>;
  /** The one that was asked for. */
  theOnly(): Promise<string | null>;
  /** Makes those of that state, and says how many. */
  make(
    state: "new" | "gone",
    at: () => Promise<void>,
  ): Promise<{ made: number; refused: { id: string; why: string }[] }>;
  /** what of the lines has no place here, in sentences */
  readonly left: ReadonlySet<string>;
}

export async function openAccounts({ sql, homes, only }: AccountsOptions): Promise<Accounts> {
  const { query } = sql;
  await query(
    `create temporary table if not exists restore_lines (
       place text not null, user_id uuid not null, n bigint generated always as identity, line jsonb not null)`,
  );
  await query("create index if not exists restore_lines_user on restore_lines (user_id, place, n)");
  await query(
    `create temporary table if not exists restore_users (
       user_id uuid primary key, email text, home text, epoch integer, has_home boolean not null default false,
       state text not null default 'new')`,
  );
  await query("truncate restore_lines, restore_users");
  const shapes = new Map<string, { shape: TableShape; given: string[] }>();
  const left = new Set<string>();
  const isId = only !== null && /^[0-9a-f-]{36}$/i.test(only);
  const wanted =
    only === null ? "true" : isId ? `line ->> 'id' = '${only.toLowerCase()}'` : "lower(line ->> 'email') = lower($2)";

  async function stageBatch({ shape }: { shape: TableShape }, lines: readonly Line[]): Promise<void> {
    const text = JSON.stringify(lines);
    if (shape.name === USERS)
      await query(
        `with given as (select (line ->> 'id')::uuid as user_id, line from (${LINES}) l where ${wanted}),
         known as (
           insert into restore_users (user_id, email) select user_id, line ->> 'email' from given
           on conflict (user_id) do update set email = excluded.email returning user_id)
         insert into restore_lines (place, user_id, line) select '${USERS}', g.user_id, g.line from given g`,
        only === null || isId ? [text] : [text, only],
      );
    else
      await query(
        `insert into restore_lines (place, user_id, line)
         select $2, u.user_id, l.line from (${LINES}) l join restore_users u on u.user_id = (l.line ->> $3)::uuid`,
        [text, shape.name, shape.user],
      );
  }

  async function make(user: SqlQuery, ids: readonly string[]): Promise<void> {
    await user("select switchyard.lock_databases()");
    for (const [place, { shape, given }] of shapes) {
      const source = `select line from restore_lines where place = '${place}' and user_id = any ($1::uuid[]) order by n`;
      if (place !== ASSIGNMENTS) await user(`${insertLines(shape, given, source)} on conflict do nothing`, [ids]);
    }
    // the deferred trigger on auth.users finds a home, and gives none
    await user(
      `insert into ${ASSIGNMENTS} (user_id, database_provider, epoch, reason)
       select user_id, home, epoch, 'restored' from restore_users where has_home and user_id = any ($1::uuid[])`,
      [ids],
    );
    await user(
      `insert into switchyard.assignment_history (user_id, database_provider, epoch, event, reason)
       select user_id, home, epoch, 'assigned', 'restored' from restore_users where has_home and user_id = any ($1::uuid[])`,
      [ids],
    );
  }

  return {
    left,
    async stage(table, lines) {
      let batch: Line[] = [];
      const flush = async (known: { shape: TableShape; given: string[] }) => {
        if (batch.length > 0) await stageBatch(known, batch);
        batch = [];
      };
      let known = shapes.get(table);
      for await (const line of lines) {
        if (!known) {
          const shape = await shapeOfTable(query, table);
          if (!shape || (table !== USERS && shape.user === null)) {
            left.add(`${table} is not restored: this project has no such table of accounts.`);
            return;
          }
          known = { shape, given: Object.keys(line) };
          shapes.set(table, known);
          const unknown = unknownColumns(shape, line);
          if (unknown.length > 0) left.add(`${table}: ${unknown.join(", ")} is not restored, as it is no column here.`);
        }
        batch.push(line);
        if (batch.length >= LINES_AT_ONCE) await flush(known);
      }
      if (known) await flush(known);
    },
    async judge() {
      await query(
        `update restore_users u set has_home = true,
           home = coalesce($1::jsonb ->> (l.line ->> 'database_provider'), l.line ->> 'database_provider'),
           epoch = (l.line ->> 'epoch')::integer
             + case when $1::jsonb ->> (l.line ->> 'database_provider') is null then 0 else 1 end
         from restore_lines l where l.place = '${ASSIGNMENTS}' and l.user_id = u.user_id`,
        [JSON.stringify(Object.fromEntries(homes))],
      );
      await query("analyze restore_users");
      await query("analyze restore_lines");
      await query(
        `update restore_users u set state = case
           when exists (select from auth.users a where a.id = u.user_id) then 'living'
           when u.has_home and (select h.event from switchyard.assignment_history h where h.user_id = u.user_id
             order by h.id desc limit 1) = 'released' then 'gone'
           when exists (select from auth.users a where lower(a.email) = lower(u.email)) then 'taken'
           else 'new' end`,
      );
      await query(
        `update restore_users u set home = a.database_provider, epoch = a.epoch from ${ASSIGNMENTS} a
         where a.user_id = u.user_id`,
      );
      const counted = await query("select state, count(*)::integer as n from restore_users group by 1");
      const counts: Record<AccountState, number> = { new: 0, living: 0, gone: 0, taken: 0 };
      for (const { state, n } of counted) counts[state as AccountState] = Number(n);
      return counts;
    },
    async homesOf(users) {
      // who has moved or signed up since the look is found where they are now
      const rows = await query(
        `select i.id::text as id, coalesce(a.database_provider, u.home) as home,
           case when a.user_id is not null then 'living' else u.state end as state
         from unnest($1::uuid[]) i (id) left join restore_users u on u.user_id = i.id left join ${ASSIGNMENTS} a on a.user_id = i.id
         where u.user_id is not null or a.user_id is not null`,
        [users],
      );
      return new Map(
        rows.map(({ id, home, state }) => [
          String(id),
          { home: home === null ? null : String(home), state: state as AccountState },
        ]),
      );
    },
    async theOnly() {
      const [found] = await query("select user_id::text as id from restore_users limit 1");
      return found ? String(found.id) : null;
    },
    async make(state, at) {
      const done = { made: 0, refused: [] as { id: string; why: string }[] };
      for (let after = "00000000-0000-0000-0000-000000000000"; ; ) {
        const rows = await query(
          `select user_id::text as id from restore_users where state = $1 and user_id > $2::uuid order by user_id limit ${LINES_AT_ONCE}`,
          [state, after],
        );
        const last = rows.at(-1);
        if (!last) return done;
        after = String(last.id);
        const ids = rows.map(({ id }) => String(id));
        try {
          await sql.transaction((user) => make(user, ids));
          done.made += ids.length;
        } catch (error) {
          if (!isOfData(error)) throw error;
          for (const id of ids)
            try {
              await sql.transaction((user) => make(user, [id]));
              done.made++;
            } catch (one) {
              if (!isOfData(one)) throw one;
              done.refused.push({ id, why: one.message });
            }
        }
        await at();
      }
    },
  };
}
