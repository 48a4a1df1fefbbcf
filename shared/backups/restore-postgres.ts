/**
 * Records into a Postgres, by a direct connection as the owner of its tables: exactly as they were, or as a new version. Rows
 * that are brought say so (`switchyard.applying`), and keep the versions and times that they come with.
 */
import { type Collection, identityOf } from "../definition/define.ts";
import { recordColumns, toRow } from "../postgres/rows.ts";
import { BackupFailed } from "./failures.ts";
import {
  isTombstone,
  type Line,
  lineOfRow,
  lineOfTombstone,
  recordOfLine,
  type TombstoneRow,
  versionOf,
} from "./record-lines.ts";
import {
  type Choices,
  type Here,
  isRenewed,
  type Outcome,
  type RestoreBatch,
  type RestoreTarget,
  verdictOn,
} from "./restore-verdict.ts";
import { isOfData, type SqlConnection, type SqlQuery } from "./sql.ts";

const FOREIGN_KEY = "23503";

export function postgresTarget(name: string, sql: SqlConnection, isControl: boolean): RestoreTarget {
  return {
    name,
    kind: "postgres",
    async put(batch) {
      const { collection, isDry } = batch;
      const shape = shapeOf(collection);
      if (isDry) {
        const here = await look(sql.query, shape, batch.lines, "");
        return batch.lines.map((line, n) => outcomeOf(line, here.get(n) ?? null, batch.choices));
      }
      const all = { ...batch, sql, shape, isControl };
      try {
        return await sql.transaction((query) => putAll(query, all, batch.lines));
      } catch (error) {
        if (!isOfData(error)) throw error;
      }
      // one of them is refused: each by itself then
      const outcomes: Outcome[] = [];
      for (const line of batch.lines)
        try {
          outcomes.push(...(await sql.transaction((query) => putAll(query, all, [line]))));
        } catch (error) {
          if (!isOfData(error)) throw error;
          outcomes.push({ is: "refused", why: error.message, mayFitLater: error.code === FOREIGN_KEY });
        }
      return outcomes;
    },
    read: (collection, lines) => readBack(sql.query, shapeOf(collection), lines),
    async count(collection) {
      const [found] = await sql.query(
        `select (select count(*) from ${shapeOf(collection).table})::integer
           + (select count(*) from switchyard.tombstones where collection = $1)::integer as n`,
        [collection.name],
      );
      return Number(found?.n);
    },
    close: () => sql.close(),
  };
}

interface Shape {
  collection: Collection;
  table: string;
  /** quoted */
  owner: string;
  perOwner: boolean;
  isReplicated: boolean;
  columns: string;
  fields: readonly string[];
}

function shapeOf(collection: Collection): Shape {
  const { owner, perOwner } = identityOf(collection);
  const isReplicated = collection.placement.kind === "replicated";
  const columns = [...recordColumns(collection), "create_hash", ...(isReplicated ? ["seen"] : [])];
  return {
    ...{ collection, table: `public."${collection.name}"`, owner: `"${owner}"`, perOwner, isReplicated },
    columns: columns.map((column) => `"${column}"`).join(", "),
    fields: Object.keys(collection.fields),
  };
}

function outcomeOf(line: Line, here: Here | null, choices: Choices): Outcome {
  const verdict = verdictOn(line, here);
  if (isRenewed(verdict, line, choices)) return { is: "renewed" };
  return { is: verdict === "older" ? "replaced" : verdict };
}

const ownerOf = ({ collection }: Shape, line: Line): string => String(line[identityOf(collection).owner]);

const keysOf = (shape: Shape, lines: readonly Line[]): string =>
  JSON.stringify(lines.map((line, n) => ({ n, owner: ownerOf(shape, line), id: String(line.id) })));
const GIVEN = "jsonb_to_recordset($1::text::jsonb) g (n integer, owner uuid, id uuid)";

/** What is there under their ids, by their number. `lock`: " for update". */
async function look(query: SqlQuery, shape: Shape, lines: readonly Line[], lock: string): Promise<Map<number, Here>> {
  const { collection, table, owner, perOwner, isReplicated } = shape;
  const given = keysOf(shape, lines);
  const seen = isReplicated ? "t.seen::text" : "null";
  const rows = await query(
    `select g.n, t.version::text as version, ${seen} as seen from ${GIVEN}
     join ${table} t on t.id = g.id${perOwner ? ` and t.${owner} = g.owner` : ""}${lock && " for update of t"}`,
    [given],
  );
  const buried = await query(
    `select g.n, t.version::text as version, ${seen} as seen from ${GIVEN}
     join switchyard.tombstones t on t.collection = $2 and t.id = g.id
       and ${isReplicated ? "t.seen is not null" : "t.user_id = g.owner"}`,
    [given, collection.name],
  );
  const here =
    (isDeleted: boolean) =>
    (row: Record<string, unknown>): [number, Here] => [
      Number(row.n),
      {
        ...{ version: Number(row.version), isDeleted },
        ...(row.seen !== null && { seen: JSON.parse(String(row.seen)) as Record<string, number> }),
      },
    ];
  return new Map([...buried.map(here(true)), ...rows.map(here(false))]);
}

async function readBack(query: SqlQuery, shape: Shape, lines: readonly Line[]): Promise<(Line | null)[]> {
  const { collection, table, owner, perOwner, isReplicated } = shape;
  const given = keysOf(shape, lines);
  const names = [...recordColumns(collection), "create_hash", ...(isReplicated ? ["seen"] : [])];
  // as text, but for what the drivers read alike
  const isPlain = (name: string) => ["boolean", "tags"].includes(collection.fields[name]?.kind ?? "");
  const columns = names.map((name) => (isPlain(name) ? `t."${name}"` : `t."${name}"::text as "${name}"`)).join(", ");
  const on = `t.id = g.id${perOwner ? ` and t.${owner} = g.owner` : ""}`;
  const rows = await query(`select g.n, ${columns} from ${GIVEN} join ${table} t on ${on}`, [given]);
  const buried = await query(
    `select g.n, t.id::text, t.user_id::text, t.version::text, t.create_hash, t.deleted_at::text${isReplicated ? ", t.seen::text" : ""}
     from ${GIVEN} join switchyard.tombstones t on t.collection = $2 and t.id = g.id
       and ${isReplicated ? "t.seen is not null" : "t.user_id = g.owner"}`,
    [given, collection.name],
  );
  const found: (Line | null)[] = lines.map(() => null);
  for (const row of buried) found[Number(row.n)] = lineOfTombstone(collection, row as unknown as TombstoneRow);
  for (const row of rows) found[Number(row.n)] = lineOfRow(collection, row);
  return found;
}

type Putting = Pick<RestoreBatch, "choices" | "living"> & { shape: Shape; isControl: boolean };

async function putAll(query: SqlQuery, putting: Putting, lines: readonly Line[]): Promise<Outcome[]> {
  const { shape, choices, living, isControl } = putting;
  const elsewhere = shape.perOwner ? await usersElsewhere(query, shape, lines, living, isControl) : new Set<string>();
  const here = await look(query, shape, lines, "for update");
  const outcomes = lines.map((line, n): Outcome => {
    if (elsewhere.has(ownerOf(shape, line))) return { is: "elsewhere" };
    return outcomeOf(line, here.get(n) ?? null, choices);
  });
  const those = (...which: Outcome["is"][]) => lines.filter((_, n) => which.includes((outcomes[n] as Outcome).is));
  await query("select set_config('switchyard.applying', (select secret from switchyard.apply_secret), true)");
  await query("set constraints all deferred");
  const exact = those("missing", "replaced");
  const replaced = those("replaced");
  // one that refers to another is not to go with it: only what is at home, where nothing does, is taken away first
  if (replaced.length > 0) await clear(query, shape, replaced, (line) => shape.perOwner || isTombstone(line));
  await insertRows(
    query,
    shape,
    exact.filter((line) => !isTombstone(line)),
  );
  await insertTombstones(query, shape, exact.filter(isTombstone));
  for (const [n, line] of lines.entries())
    if ((outcomes[n] as Outcome).is === "renewed") outcomes[n] = await renew(query, shape, line, here.get(n) as Here);
  await query("set constraints all immediate");
  await query("select set_config('switchyard.applying', '', true)");
  return outcomes;
}

/**
 * Waits, as any writer does, for a move that is under way, and holds it off until the transaction ends. Those who are not at
 * home here any more; throws while one is being moved.
 */
async function usersElsewhere(
  query: SqlQuery,
  shape: Shape,
  lines: readonly Line[],
  living: ReadonlySet<string>,
  isControl: boolean,
): Promise<Set<string>> {
  const users = [...new Set(lines.map((line) => ownerOf(shape, line)))].filter((user) => living.has(user)).sort();
  if (users.length === 0) return new Set();
  const fences = await query(
    `select u.id::text as id, f.database_provider as home, switchyard.is_held(f.state, f.held_until) as held,
       (select name from switchyard.self) as self
     from unnest($1::uuid[]) with ordinality u (id, n), lateral switchyard.hold_fence(u.id) f order by u.n`,
    [users],
  );
  const held = fences.find(({ held: isHeld }) => isHeld === true);
  if (held)
    throw new BackupFailed(`User ${held.id} is being moved to another home: run the same command again in a moment.`);
  // beside the control plane, who has no fence has never moved
  const isElsewhere = ({ home, self }: Record<string, unknown>) => (home === null ? isControl : home !== self);
  return new Set(fences.filter(isElsewhere).map(({ id }) => String(id)));
}

/** Takes away what is left of deleted ones, and the rows of those that `goes` says. */
async function clear(query: SqlQuery, shape: Shape, lines: readonly Line[], goes: (line: Line) => boolean) {
  const { collection, table, owner, perOwner, isReplicated } = shape;
  const given = keysOf(shape, lines);
  await query(`delete from ${table} t using ${GIVEN} where t.id = g.id${perOwner ? ` and t.${owner} = g.owner` : ""}`, [
    keysOf(shape, lines.filter(goes)),
  ]);
  // what the deletion itself has left of a replicated one, too
  await query(
    `delete from switchyard.tombstones t using ${GIVEN} where t.collection = $2 and t.id = g.id
       and ${isReplicated ? "t.seen is not null" : "t.user_id = g.owner"}`,
    [given, collection.name],
  );
}

async function insertRows(query: SqlQuery, shape: Shape, lines: readonly Line[]) {
  if (lines.length === 0) return;
  const { collection } = shape;
  const rows = lines.map((line) => ({
    ...toRow(recordOfLine(collection, line) ?? {}),
    ...{ create_hash: line.create_hash ?? null, seen: seenOf(line) },
  }));
  await query(insertInto(shape), [JSON.stringify(rows)]);
}

/** Of rows as JSON. One with a key of its own takes the place of what is there, and those that refer to it stay. */
const insertInto = ({ table, columns, perOwner }: Shape): string =>
  `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::text::jsonb)${
    perOwner
      ? ""
      : ` on conflict (id) do update set (${columns}) = row(${columns
          .split(", ")
          .map((column) => `excluded.${column}`)
          .join(", ")})`
  }`;

const seenOf = ({ _seen, version }: Line): Record<string, number> =>
  Object.fromEntries(
    Object.entries((_seen as Record<string, unknown> | undefined) ?? { [siteOf(Number(version))]: version }).map(
      ([site, each]) => [site, Number(each)],
    ),
  );
/** The last three bits of a version name its site. */
const siteOf = (version: number): string => String(version % 8);

async function insertTombstones(query: SqlQuery, shape: Shape, lines: readonly Line[]): Promise<void> {
  if (lines.length === 0) return;
  const { collection, isReplicated } = shape;
  const seen = isReplicated ? ", seen" : "";
  const rows = lines.map((line) => ({
    ...{ collection: collection.name, user_id: ownerOf(shape, line), id: String(line.id), seen: seenOf(line) },
    ...{ version: versionOf(line), create_hash: line.create_hash ?? null },
    deleted_at: (line._deleted_at as Date).toISOString(),
  }));
  const columns = `collection, user_id, id, version, create_hash, deleted_at${seen}`;
  await query(
    `insert into switchyard.tombstones (${columns})
     select ${columns} from jsonb_populate_recordset(null::switchyard.tombstones, $1::text::jsonb)`,
    [JSON.stringify(rows)],
  );
  // nothing else tells the copy
  if (isReplicated)
    await query(
      `insert into switchyard.marks (collection, row_id) select $2, g.id from ${GIVEN}
       where (select is_on from switchyard.replication)`,
      [keysOf(shape, lines), collection.name],
    );
}

/** The old contents as a write of now, above what is there; nothing where the contents are the same. */
async function renew(query: SqlQuery, shape: Shape, line: Line, here: Here): Promise<Outcome> {
  const { collection, table, owner, perOwner, fields } = shape;
  const record = recordOfLine(collection, line) ?? {};
  const key = JSON.stringify([{ n: 0, owner: ownerOf(shape, line), id: String(line.id) }]);
  const contents = (of: string) => `jsonb_build_array(${fields.map((field) => `${of}."${field}"`).join(", ")})`;
  if (!here.isDeleted) {
    const [same] = await query(
      `select ${contents("t")} = ${contents("r")} as same from ${GIVEN}
       join ${table} t on t.id = g.id${perOwner ? ` and t.${owner} = g.owner` : ""},
       jsonb_populate_record(null::${table}, $2::text::jsonb) r`,
      [key, JSON.stringify(toRow(record))],
    );
    if (same?.same === true) return { is: "same" };
  }
  const [next] = await query(
    `select switchyard.next_version($1::bigint)::text as version,
       to_char(date_trunc('milliseconds', clock_timestamp()), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at`,
    [String(here.version)],
  );
  const version = Number(next?.version);
  const seen = { ...seenOf(line), ...here.seen, [siteOf(version)]: version };
  const row = { ...toRow(record), version, updated_at: next?.at, create_hash: line.create_hash ?? null, seen };
  await clear(query, shape, [line], () => perOwner);
  await query(insertInto(shape), [JSON.stringify([row])]);
  return { is: "renewed" };
}
