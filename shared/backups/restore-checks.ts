/** What is looked at before a restore writes anything: every byte of every backup of the chain, the key, and that all has a place. */
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../definition/define.ts";
import { SCHEMA_REVISION } from "../postgres/revision.ts";
import { BadPart, checkPart, readPart } from "./codec.ts";
import type { Manifest } from "./manifest.ts";
import type { SqlConnection } from "./sql.ts";
import type { BackupStorage } from "./storage.ts";

/** Reads every part as it is stored, and opens each with the key. `onPart`: so many of so many. */
export async function checkChain(
  storage: BackupStorage,
  chain: readonly Manifest[],
  identity: string | null,
  onPart: (done: number, total: number) => void = () => {},
): Promise<Result<void, string>> {
  const total = chain.reduce((sum, { parts }) => sum + parts.length, 0);
  let done = 0;
  for (const { id, parts } of chain)
    for (const part of parts)
      try {
        await checkPart(storage, id, part);
        // the key, and that it begins as a part does; its bytes are those that were written
        const lines = readPart(storage, id, part, identity)[Symbol.asyncIterator]();
        await lines.next();
        await lines.return?.();
        onPart(++done, total);
      } catch (error) {
        if (error instanceof BadPart) return err(`${id}: ${error.message}`);
        throw error;
      }
  return ok(undefined);
}

/** Why this version, or the database that it is to go into, is too old for it; null: it is not. What is newer would be lost. */
export async function newerSchema(
  chain: readonly Manifest[],
  { query }: Pick<SqlConnection, "query">,
): Promise<string | null> {
  const { id, schema_revision: of } = chain.at(-1) as Manifest;
  if (of > SCHEMA_REVISION)
    return `${id} is of schema revision ${of}, and this version of Switchyard knows ${SCHEMA_REVISION}: restore it with the version that made it, or a newer one.`;
  const [self] = await query("select revision from switchyard.self");
  const here = Number(self?.revision ?? 0);
  return of > here
    ? `${id} is of schema revision ${of}, and Supabase's Postgres is of ${here}: apply the migrations first (npm run supabase -- db push).`
    : null;
}

export interface Places {
  collections: readonly Collection[];
  /** names of the databases that are configured here */
  databases: readonly string[];
  /** where users come to be at home who were elsewhere */
  homes: ReadonlyMap<string, string>;
  /** only these; null: all */
  only: ReadonlySet<string> | null;
}

/** Why some of it has no place here: sentences, none where all of it has one. */
export function withoutPlace(chain: readonly Manifest[], { collections, databases, homes, only }: Places): string[] {
  const problems = new Set<string>();
  const isHere = (name: string) => databases.includes(name);
  for (const [from, to] of homes)
    if (!isHere(to)) problems.add(`--home=${from}=${to}: no database "${to}" is configured here.`);
  for (const { parts } of chain)
    for (const { collection: name, database, count } of parts) {
      if (count === 0 || name.includes(".") || (only && !only.has(name))) continue;
      const collection = collections.find((each) => each.name === name);
      if (!collection) {
        problems.add(
          `There is no collection "${name}" here any more: name those that are to be restored by --collection.`,
        );
        continue;
      }
      const { placement } = collection;
      const place =
        placement.kind === "home"
          ? (homes.get(database) ?? database)
          : placement.kind === "pinned"
            ? placement.database
            : placement.primary;
      if (isHere(place)) continue;
      problems.add(
        placement.kind === "home"
          ? `No database "${database}" is configured here, and users were at home there: configure it, or say --home=${database}=<another>.`
          : `${name} is kept in "${place}", which is not configured here.`,
      );
    }
  return [...problems];
}
