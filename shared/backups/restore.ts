/**
 * Brings a backup back. Everything that it writes can be written again: a record by its version, an account by its id, the books
 * in one transaction. So a restore that was ended anywhere is begun again, and comes to the same.
 *
 *   settings   of a project that has no users yet: what only the operator sets, and the history of homes
 *   accounts   of users who were deleted since, where that is asked for: before their records, or those would go with the purge
 *   records    collection by collection, parents before those that refer to them
 *   accounts   of everybody else: nobody signs in before everything of theirs is there
 *   ledger     in the end, because its owners are users
 *
 * Where a collection has a copy, only its primary is written: the copy follows by the replication, as it does for any write.
 */
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../definition/define.ts";
import { readPart } from "./codec.ts";
import { BackupFailed, naming, RESTORE_GOES_ON } from "./failures.ts";
import type { Manifest } from "./manifest.ts";
import { BATCH, batches, partsOf } from "./parts.ts";
import type { Line } from "./record-lines.ts";
import { type Accounts, ASSIGNMENTS, openAccounts, USERS } from "./restore-accounts.ts";
import { LEDGER_TABLES, type LedgerState, lookAtLedger, restoreLedger } from "./restore-ledger.ts";
import { placeOfLine, userOfLine } from "./restore-places.ts";
import { isSettings, restoreSettings, wantsSettings } from "./restore-settings.ts";
import { createTotals, type Totals } from "./restore-totals.ts";
import type { Choices, Outcome, RestoreTarget } from "./restore-verdict.ts";
import type { SqlConnection } from "./sql.ts";
import type { BackupStorage } from "./storage.ts";

/** Records that wait for what they refer to, in memory. */
const MOST_WAITING = 20_000;

/** Where a test ends the process. */
export type RestoreStep = "settings" | "accounts" | "records" | "ledger";

export interface RestoreOptions {
  storage: BackupStorage;
  /** as `chainOf` gives it, and checked */
  chain: readonly Manifest[];
  identity: string | null;
  collections: readonly Collection[];
  /** of the control plane, as the owner of its tables */
  control: SqlConnection;
  targets: ReadonlyMap<string, RestoreTarget>;
  /** where users come to be at home who are not here, by where they were */
  homes: ReadonlyMap<string, string>;
  /** one user alone, by id or address */
  user: string | null;
  /** these collections alone */
  only: ReadonlySet<string> | null;
  choices: Choices;
  /** accounts that were deleted since come back, too; and that of the one user, where it is not here */
  withAccounts: boolean;
  withLedger: boolean;
  isDry: boolean;
  onProgress?: (name: string, done: number, total: number) => void;
  at?: (step: RestoreStep) => Promise<void> | void;
  isInterrupted?: () => boolean;
}

export interface Restored {
  accounts: { new: number; living: number; gone: number; taken: number; made: number };
  ledger: LedgerState | "restored" | null;
  collections: Totals["collections"];
  /** the first of those that were not taken, in sentences */
  refused: readonly string[];
  refusedCount: number;
  /** what is not restored, and why, in sentences */
  left: readonly string[];
}

/** The error is a sentence, and nothing was written. Throws `BackupFailed` for what people can mend. */
export async function restoreBackup(options: RestoreOptions): Promise<Result<Restored, string>> {
  const { chain, control, user, only, isDry, withAccounts, at = () => {} } = options;
  const newest = chain.at(-1) as Manifest;
  const isWhole = user === null && only === null;
  const accounts = await openAccounts({ sql: control, homes: options.homes, only: user });
  await stageAccounts(options, accounts);
  const known = await accounts.judge();
  const totals = createTotals();
  const done = { ...known, made: 0 };

  let theOnly: string | null = null;
  if (user !== null) {
    theOnly = await accounts.theOnly();
    if (theOnly === null) return err(`${newest.id} has no user ${user}.`);
    if (known.living === 0 && !withAccounts)
      return err(
        `User ${user} has no account here${known.gone > 0 ? ": it was deleted since" : ""}. Records without an account are nobody's: bring it back, too, by --with-account.`,
      );
    if (known.taken > 0) return err(`Another account has the address of user ${user} by now.`);
  }
  const hasLedger = isWhole && options.withLedger && newest.ledger !== null;
  let ledger: Restored["ledger"] = hasLedger
    ? await lookAtLedger(control, newest, (table) => linesOf(options, newest, table))
    : null;
  if (ledger === "other")
    return err(
      "The ledger here has entries of its own, and books are not merged: restore into an empty project, or leave it out by --without-ledger.",
    );

  const make = async (state: "new" | "gone") => {
    if (isDry) return;
    const { made, refused } = await accounts.make(state, async () => at("accounts"));
    done.made += made;
    for (const { id, why } of refused) totals.refuse(`user ${id}: ${why}`);
  };
  if (isWhole && !isDry && (await wantsSettings(control))) {
    await restoreSettings(control, newest, (table) => linesOf(options, newest, table));
    await at("settings");
  }
  const withNew = isWhole || (user !== null && withAccounts);
  if (withAccounts && only === null) await make("gone");
  await restoreRecords({ ...options, accounts, totals, theOnly, withNew });
  if (withNew) await make("new");
  if (ledger === "empty" && !isDry) {
    const books = await restoreLedger(control, newest, (table) => linesOf(options, newest, table));
    if (books.isErr()) throw new BackupFailed(`The ledger is not as the backup says, and was left out: ${books.error}`);
    ledger = "restored";
    await at("ledger");
  }
  return ok({
    ...{ accounts: done, ledger, collections: totals.collections },
    ...{ refused: totals.refused, refusedCount: totals.refusedCount() },
    left: [...accounts.left, ...totals.left()],
  });
}

async function stageAccounts(options: RestoreOptions, accounts: Accounts): Promise<void> {
  const newest = options.chain.at(-1) as Manifest;
  const named = [...new Set(newest.parts.map(({ collection }) => collection))].filter(
    (name) => name.includes(".") && !LEDGER_TABLES.includes(name) && !isSettings(name),
  );
  // users first: who they are says what of the others is theirs
  const rest = named.filter((name) => name !== USERS && name !== ASSIGNMENTS);
  for (const table of [USERS, ASSIGNMENTS, ...rest].filter((name) => named.includes(name)))
    await accounts.stage(table, linesOf(options, newest, table));
}

/** Of one collection or table, of one backup, in the order of its parts. */
export async function* linesOf(
  { storage, identity }: Pick<RestoreOptions, "storage" | "identity">,
  { id, parts }: Manifest,
  name: string,
): AsyncIterable<Line> {
  for (const part of parts)
    if (part.collection === name && part.count > 0) yield* readPart(storage, id, part, identity);
}

interface Restoring extends RestoreOptions {
  accounts: Accounts;
  totals: Totals;
  theOnly: string | null;
  /** users who are not here are about to be */
  withNew: boolean;
}

interface Waiting {
  line: Line;
  /** where its user was at home, for who is not here */
  from: string;
}

async function restoreRecords(restoring: Restoring): Promise<void> {
  const {
    storage,
    identity,
    chain,
    collections,
    only,
    onProgress = () => {},
    isInterrupted,
    at = () => {},
  } = restoring;
  for (const collection of collections) {
    if (only && !only.has(collection.name)) continue;
    const { parts, total } = partsOf(chain, collection.name);
    let looked = 0;
    let waiting: Waiting[] = [];
    for (const { id, part } of parts)
      for await (const lines of ahead(batches(readPart(storage, id, part, identity)))) {
        if (isInterrupted?.()) throw new BackupFailed("Interrupted: the same command goes on with it.");
        waiting.push(...(await putLines(restoring, collection, lines, part.database)));
        looked += lines.length;
        onProgress(collection.name, looked, total);
        await at("records");
        if (waiting.length > MOST_WAITING) waiting = await again(restoring, collection, waiting);
      }
    for (let before = Number.POSITIVE_INFINITY; waiting.length > 0 && waiting.length < before; ) {
      before = waiting.length;
      waiting = await again(restoring, collection, waiting);
    }
    for (const { line } of waiting)
      restoring.totals.refuse(`${collection.name} ${String(line.id)}: what it refers to is not there`, collection.name);
  }
}

async function again(restoring: Restoring, collection: Collection, waiting: readonly Waiting[]): Promise<Waiting[]> {
  const still: Waiting[] = [];
  for (const from of new Set(waiting.map((each) => each.from))) {
    const lines = waiting.filter((each) => each.from === from).map(({ line }) => line);
    for (let n = 0; n < lines.length; n += BATCH)
      still.push(...(await putLines(restoring, collection, lines.slice(n, n + BATCH), from)));
  }
  return still;
}

/** Those that may fit once others are there. */
async function putLines(
  restoring: Restoring,
  collection: Collection,
  lines: readonly Line[],
  from: string,
): Promise<Waiting[]> {
  const { accounts, theOnly, totals, targets, choices, isDry } = restoring;
  const userOf = (line: Line): string | null => userOfLine(collection, line);
  const theirs = theOnly === null ? lines : lines.filter((line) => userOf(line) === theOnly);
  const users = [...new Set(theirs.flatMap((line) => userOf(line) ?? []))];
  const waiting: Waiting[] = [];
  let left: readonly Line[] = theirs;
  // twice where one has moved meanwhile
  for (let tries = 0; left.length > 0; tries++) {
    if (tries > 5) throw new BackupFailed("A user was moved again and again meanwhile: run it once more.");
    const homes = await accounts.homesOf(users);
    const byPlace = new Map<string, Line[]>();
    const living = new Set<string>();
    for (const line of left) {
      const place = placeOf(restoring, collection, userOf(line), homes);
      if (place === null) totals.add(collection.name, "without account");
      else byPlace.set(place, [...(byPlace.get(place) ?? []), line]);
    }
    for (const [user, { state }] of homes) if (state === "living") living.add(user);
    const elsewhere: Line[] = [];
    for (const [place, own] of byPlace) {
      const target = targets.get(place);
      if (!target) throw new Error(`${collection.name} belongs in "${place}", which is not configured here.`);
      const put = () => target.put({ collection, lines: own, living, choices, isDry });
      const outcomes = await naming(place, put, RESTORE_GOES_ON);
      for (const [n, outcome] of outcomes.entries()) count(outcome, own[n] as Line, elsewhere);
    }
    left = elsewhere;
  }
  return waiting;

  function count(outcome: Outcome, line: Line, elsewhere: Line[]): void {
    if (outcome.is === "elsewhere") elsewhere.push(line);
    else if (outcome.is !== "refused") totals.add(collection.name, outcome.is);
    else if (outcome.mayFitLater) waiting.push({ line, from });
    else totals.refuse(`${collection.name} ${String(line.id)}: ${outcome.why}`, collection.name);
  }
}

/** Null: its user has no account here, and gets none. */
function placeOf(
  { withNew, withAccounts }: Restoring,
  collection: Collection,
  user: string | null,
  homes: Awaited<ReturnType<Accounts["homesOf"]>>,
): string | null {
  const account = user === null ? undefined : homes.get(user);
  const isHere =
    account?.state === "living" ||
    (account?.state === "new" && withNew) ||
    // where nothing is written they are not made, and would be
    (account?.state === "gone" && withAccounts);
  if (user !== null && !isHere) return null;
  return placeOfLine(collection, account?.home ?? null);
}

/** Has the next one read while this one is worked at. */
async function* ahead<T>(values: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = values[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = iterator.next();
      // its failure is told when it is waited for
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
