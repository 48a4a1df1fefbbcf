/** Whether what was restored is what the backup has: every record by its digest, how many there are, accounts and books. */
import { createHash } from "node:crypto";
import { BSON } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { readPart } from "./codec.ts";
import type { Manifest } from "./manifest.ts";
import { type Line, versionOf } from "./record-lines.ts";
import { linesOf } from "./restore.ts";
import { ASSIGNMENTS, USERS } from "./restore-accounts.ts";
import { lookAtLedger } from "./restore-ledger.ts";
import type { RestoreTarget } from "./restore-verdict.ts";
import type { SqlConnection } from "./sql.ts";
import type { BackupStorage } from "./storage.ts";

const { EJSON } = BSON;
const BATCH = 1_000;
const MOST_SAID = 50;

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

export interface Compared {
  records: number;
  /** the first of them, in sentences; none: it is the same */
  differences: readonly string[];
  differenceCount: number;
}

/** Of databases into which nothing else was ever written. */
export async function compareRestored(options: DrillOptions): Promise<Compared> {
  const { storage, chain, identity, collections, control, onProgress = () => {} } = options;
  const newest = chain.at(-1) as Manifest;
  const differences: string[] = [];
  let [records, differenceCount] = [0, 0];
  const differ = (sentence: string) => {
    differenceCount++;
    if (differences.length < MOST_SAID) differences.push(sentence);
  };
  for (const collection of collections) {
    const parts = chain.flatMap(({ id, parts: all }) =>
      all.filter((part) => part.collection === collection.name && part.count > 0).map((part) => ({ id, part })),
    );
    const total = parts.reduce((sum, { part }) => sum + part.count, 0);
    let looked = 0;
    let superseded = 0;
    const compare = async (lines: readonly Line[], database: string) => {
      const target = targetOf(options, collection, database);
      const found = await target.read(collection, lines);
      for (const [n, line] of lines.entries()) {
        const here = found[n] ?? null;
        const what = `${collection.name} ${String(line.id)}`;
        if (here === null) differ(`${what} is not there`);
        else if (versionOf(here) > versionOf(line) && chain.length > 1) superseded++;
        else if (digestOf(here) !== digestOf(line)) differ(`${what} differs: ${firstDifference(line, here)}`);
      }
      looked += lines.length;
      onProgress(`${collection.name} compared`, looked, total);
    };
    for (const { id, part } of parts) {
      let batch: Line[] = [];
      for await (const line of readPart(storage, id, part, identity)) {
        batch.push(line);
        if (batch.length < BATCH) continue;
        await compare(batch, part.database);
        batch = [];
      }
      if (batch.length > 0) await compare(batch, part.database);
    }
    let there = 0;
    for (const target of targetsOf(options, collection)) there += await target.count(collection);
    // a record that several backups of a chain have in one version is one record
    if (chain.length === 1 ? there !== total : there > total - superseded)
      differ(`${collection.name}: ${there} are there, and the backup has ${total}`);
    records += there;
  }
  for (const [table, count] of Object.entries(await countAccounts(control))) {
    const expected = newest.parts
      .filter((part) => part.collection === table)
      .reduce((sum, part) => sum + part.count, 0);
    if (count !== expected) differ(`${table}: ${count} are there, and the backup has ${expected}`);
  }
  if (newest.ledger !== null) {
    if (
      (await lookAtLedger(control, newest, (table) => linesOf(options, newest, table))) !== "same" &&
      Object.keys(newest.ledger).length > 0
    )
      differ("the ledger is not that of the backup");
    for (const broken of await control.query("select invariant, offender, detail from public.ledger_check(10)"))
      differ(`the ledger: ${broken.invariant}: ${broken.offender}, ${broken.detail}`);
  }
  return { records, differences, differenceCount };
}

function targetOf({ targets }: DrillOptions, { placement }: Collection, database: string): RestoreTarget {
  const place =
    placement.kind === "home" ? database : placement.kind === "pinned" ? placement.database : placement.primary;
  const target = targets.get(place);
  if (!target) throw new Error(`There is no database "${place}" in this drill.`);
  return target;
}

const targetsOf = (options: DrillOptions, collection: Collection): RestoreTarget[] =>
  collection.placement.kind === "home" ? [...options.targets.values()] : [targetOf(options, collection, "")];

async function countAccounts({ query }: SqlConnection): Promise<Record<string, number>> {
  const [found] = await query(
    `select (select count(*) from ${USERS})::integer as "${USERS}", (select count(*) from ${ASSIGNMENTS})::integer as "${ASSIGNMENTS}"`,
  );
  return Object.fromEntries(Object.entries(found ?? {}).map(([name, count]) => [name, Number(count)]));
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
