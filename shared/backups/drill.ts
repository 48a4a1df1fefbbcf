/** Whether what was restored is what the backup has: every record, account and entry of the books, and nothing besides. */
import { compareRecords, type DrillOptions } from "./drill-records.ts";
import { compareTable } from "./drill-tables.ts";
import type { Manifest } from "./manifest.ts";
import { linesOf } from "./restore.ts";
import { ASSIGNMENTS, USERS } from "./restore-accounts.ts";
import { LEDGER_TABLES } from "./restore-ledger.ts";

const MOST_SAID = 50;

/** Of accounts; what a restore sets itself is not compared. */
const ACCOUNTS: Readonly<Record<string, readonly string[]>> = {
  [USERS]: [],
  "auth.identities": [],
  "auth.mfa_factors": [],
  [ASSIGNMENTS]: ["reason", "assigned_at", "turn", "held_until", "state"],
  "public.private_profiles": [],
};

export interface Compared {
  /** that are there, what is left of deleted ones among them */
  records: number;
  /** the first of them, in sentences; none: it is the same */
  differences: readonly string[];
  differenceCount: number;
}

/** Of databases into which nothing else was ever written. */
export async function compareRestored(options: DrillOptions): Promise<Compared> {
  const { chain, collections, control } = options;
  const newest = chain.at(-1) as Manifest;
  const differences: string[] = [];
  let [records, differenceCount] = [0, 0];
  const differ = (sentence: string) => {
    differenceCount++;
    if (differences.length < MOST_SAID) differences.push(sentence);
  };
  for (const collection of collections) records += await compareRecords(options, collection, differ);
  const books = newest.ledger === null ? [] : LEDGER_TABLES;
  for (const table of [...Object.keys(ACCOUNTS), ...books])
    if (newest.parts.some(({ collection }) => collection === table))
      await compareTable(control.query, table, linesOf(options, newest, table), ACCOUNTS[table] ?? [], differ);
  if (newest.ledger !== null)
    for (const broken of await control.query("select invariant, offender, detail from public.ledger_check(10)"))
      differ(`the ledger: ${broken.invariant}: ${broken.offender}, ${broken.detail}`);
  return { records, differences, differenceCount };
}
