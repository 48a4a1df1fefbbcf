/**
 * Whether the records that are there are those that a chain ends with, each of them and no other. A chain has lines that later
 * ones replace, and lines of users who have left since; so it is noted of every key, in a table of this session, whether one of
 * its lines says what is there (or was named as differing). What is there besides has then no key, or one without such a line.
 */
import { createHash } from "node:crypto";
import { BSON } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { readPart } from "./codec.ts";
import type { Manifest } from "./manifest.ts";
import { batches, partsOf } from "./parts.ts";
import { type Line, versionOf } from "./record-lines.ts";
import { ASSIGNMENTS } from "./restore-accounts.ts";
import { keyOfLine, placeOfLine, userOfLine } from "./restore-places.ts";
import type { RestoreTarget } from "./restore-verdict.ts";
import type { SqlConnection } from "./sql.ts";
import type { BackupStorage } from "./storage.ts";

const { EJSON } = BSON;
const MOST_NAMED = 50;

export interface DrillOptions {
  storage: BackupStorage;
  /** the full one first */
  chain: readonly Manifest[];
  identity: string | null;
  collections: readonly Collection[];
  control: SqlConnection;
  targets: ReadonlyMap<string, RestoreTarget>;
  onProgress?: (name: string, done: number, total: number) => void;
}

/** How many are there, tombstones among them. `differ`: told of each difference, in a sentence. */
export async function compareRecords(
  options: DrillOptions,
  collection: Collection,
  differ: (sentence: string) => void,
): Promise<number> {
  const { storage, chain, identity, control, onProgress = () => {} } = options;
  const { name } = collection;
  await control.query(
    "create temporary table if not exists drill_keys (key text primary key, stands boolean not null)",
  );
  await control.query("truncate drill_keys");
  const { parts, total } = partsOf(chain, name);
  let looked = 0;

  async function compare(lines: readonly Line[]): Promise<void> {
    const keys = new Map<string, boolean>();
    for (const [target, own] of await byTarget(options, collection, lines)) {
      const found = await target.read(collection, own);
      for (const [n, line] of own.entries()) {
        const here = found[n] ?? null;
        const what = `${name} ${String(line.id)}`;
        const key = keyOfLine(collection, line);
        if (here === null) differ(`${what} is not there`);
        else if (versionOf(here) > versionOf(line)) keys.set(key, keys.get(key) ?? false);
        else {
          keys.set(key, true);
          if (versionOf(here) < versionOf(line))
            differ(`${what} is there in version ${versionOf(here)}, which is older than ${versionOf(line)}`);
          else if (digestOf(here) !== digestOf(line)) differ(`${what} differs: ${firstDifference(line, here)}`);
        }
      }
    }
    await note(control, keys);
    looked += lines.length;
    onProgress(`${name} compared`, looked, total);
  }
  for (const { id, part } of parts)
    for await (const batch of batches(readPart(storage, id, part, identity))) await compare(batch);

  let there = 0;
  for (const target of targetsOf(options, collection)) there += await target.count(collection);
  const unknown = await control.query(`select key from drill_keys where not stands order by key limit ${MOST_NAMED}`);
  for (const { key } of unknown)
    differ(`${name} ${String(key).split(" ").at(-1)} is there in a version that the backup does not have`);
  const [counted] = await control.query(
    "select count(*) filter (where stands)::integer as standing, count(*) filter (where not stands)::integer as others from drill_keys",
  );
  const more = there - Number(counted?.standing) - Number(counted?.others);
  if (more > 0) differ(`${name}: ${more} are there that the backup does not have`);
  return there;
}

/** In which of them each has to be; those of users who have left are nobody's, and have to be in none. */
async function byTarget(
  { control, targets }: DrillOptions,
  collection: Collection,
  lines: readonly Line[],
): Promise<Map<RestoreTarget, Line[]>> {
  const users = [...new Set(lines.flatMap((line) => userOfLine(collection, line) ?? []))];
  const rows = await control.query(
    `select user_id::text as id, database_provider as home from ${ASSIGNMENTS} where user_id = any ($1::uuid[])`,
    [users],
  );
  const homes = new Map(rows.map(({ id, home }) => [String(id), String(home)]));
  const found = new Map<RestoreTarget, Line[]>();
  for (const line of lines) {
    const user = userOfLine(collection, line);
    if (user !== null && !homes.has(user)) continue;
    const target = targetAt(targets, placeOfLine(collection, user === null ? null : (homes.get(user) ?? null)));
    found.set(target, [...(found.get(target) ?? []), line]);
  }
  return found;
}

function targetAt(targets: DrillOptions["targets"], place: string | null): RestoreTarget {
  const target = targets.get(place ?? "");
  if (!target) throw new Error(`There is no database "${place}" in this drill.`);
  return target;
}

const targetsOf = ({ targets }: DrillOptions, collection: Collection): RestoreTarget[] =>
  collection.placement.kind === "home" ? [...targets.values()] : [targetAt(targets, placeOfLine(collection, null))];

async function note({ query }: SqlConnection, keys: ReadonlyMap<string, boolean>): Promise<void> {
  await query(
    `insert into drill_keys (key, stands) select key, stands from unnest($1::text[], $2::boolean[]) k (key, stands)
     on conflict (key) do update set stands = true where excluded.stands`,
    [[...keys.keys()], [...keys.values()]],
  );
}

/** With the names of fields in one order, and without what is empty: engines differ in whether they keep that. */
const sameOrder = (line: Line): [string, unknown][] =>
  Object.entries(line)
    .filter(([, value]) => value !== null && value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
const textOf = (value: unknown): string => EJSON.stringify([value], { relaxed: false });
const digestOf = (line: Line): string =>
  createHash("sha256")
    .update(textOf(sameOrder(line)))
    .digest("base64");

function firstDifference(line: Line, here: Line): string {
  for (const name of new Set([...Object.keys(line), ...Object.keys(here)]))
    if (textOf(line[name] ?? null) !== textOf(here[name] ?? null))
      return `${name} is ${textOf(here[name] ?? null)}, and was ${textOf(line[name] ?? null)}`;
  return "the order of its fields";
}
