/**
 * Whether a run has brought what the source has: the source is read once more, and what is in the home is read back and compared,
 * in counts, in sums of money by currency, and field by field. What users have changed since is told apart.
 */
import { isDeepStrictEqual } from "node:util";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { HomeCopy } from "../repository/home-copy.ts";
import type { Row } from "../repository/store.ts";
import type { Accounts } from "./accounts.ts";
import { answered } from "./bring-user.ts";
import type { ConvertedRecord } from "./convert-record.ts";
import { shown } from "./convert-value.ts";
import type { Finding } from "./findings.ts";
import type { Journal, JournalUser } from "./journal.ts";
import type { Mapping } from "./mapping.ts";
import { patiently } from "./patiently.ts";
import { type ReadUser, readUsers } from "./read-users.ts";
import type { ImportSource } from "./source.ts";
import { addRecord, addUser, createTotals, currenciesOf, type Totals } from "./totals.ts";

export interface VerifyOptions {
  run: number;
  source: ImportSource;
  mapping: Mapping;
  journal: Pick<Journal, "among" | "hold">;
  accounts: Pick<Accounts, "get">;
  home: HomeCopy;
  find: (finding: Finding) => void;
  batchSize: number;
  atOnce: number;
  /** every so many users, the account is looked at, too */
  accountEvery: number;
  onRead: (read: number) => void;
  isOver: () => boolean;
}

export interface Verification {
  users: number;
  /** whose accounts were looked at */
  accounts: number;
  /** compared field by field */
  records: number;
  /** changed by their users since, or deleted */
  changed: number;
  /** what is not as the source has it */
  wrong: number;
  /** of what nobody has changed since */
  expected: Totals;
  found: Totals;
  isAll: boolean;
}

const READ_AT_ONCE = 500;

export async function verifyImport(options: VerifyOptions): Promise<Result<Verification, RepositoryError>> {
  const { source, mapping, batchSize, atOnce } = options;
  const result: Verification = {
    ...{ users: 0, accounts: 0, records: 0, changed: 0, wrong: 0, isAll: true },
    ...{ expected: createTotals(), found: createTotals() },
  };
  // what does not fit was said by the run
  for await (const { read, users } of readUsers({ source, mapping, find: () => {}, batchSize })) {
    if (options.isOver()) return ok({ ...result, isAll: false });
    const done = await doneAmong(options, users);
    if (done.isErr()) return err(done.error);
    const left = users.filter(({ account }) => done.value.has(account.id));
    let stopped: RepositoryError | undefined;
    const work = async () => {
      for (let user = left.shift(); user && !stopped; user = left.shift()) {
        const each: ReadUser = user;
        const version = Number(done.value.get(each.account.id)?.version);
        const verified = await patiently(() => answered(() => verifyUser(options, each, version, result)));
        if (verified.isErr()) stopped = verified.error;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    if (stopped) return err(stopped);
    options.onRead(read);
  }
  return ok(result);
}

/** Of these, those whom the run has made. */
async function doneAmong(
  { run, journal }: VerifyOptions,
  users: readonly ReadUser[],
): Promise<Result<ReadonlyMap<string, JournalUser>, RepositoryError>> {
  const ids = users.map(({ account }) => account.id);
  if (ids.length === 0) return ok(new Map());
  // the run stays this process's until it has said how it ended
  const held = await patiently(() => journal.hold(run));
  if (held.isErr()) return err(held.error);
  const found = await patiently(() => journal.among(run, "done", ids));
  return found.map((list) => new Map(list.map((each) => [each.user_id, each])));
}

async function verifyUser(
  options: VerifyOptions,
  user: ReadUser,
  version: number,
  result: Verification,
): Promise<void> {
  const isSampled = result.users % options.accountEvery === 0;
  result.users++;
  if (isSampled) await verifyAccount(options, user, result);
  const expected = new Map<Collection, ConvertedRecord[]>();
  const rows: [Collection, Row[]][] = [];
  for (const [collection, list] of user.records) {
    const { found, deleted } = await readBack(options.home, user.account.id, collection, list);
    const same = list.filter(({ id }) => {
      const row = found.get(id);
      return !deleted.has(id) && (row === undefined || Number(row.version) === version);
    });
    result.changed += list.length - same.length;
    for (const record of same) compare(options, record, found.get(record.id), result);
    expected.set(collection, same);
    rows.push([collection, same.map(({ id }) => found.get(id)).filter((row) => row !== undefined)]);
  }
  addUser(result.expected, expected);
  const currencies = currenciesOf(rows);
  for (const [collection, list] of rows)
    for (const row of list) addRecord(result.found, collection, row, (each) => currencies(collection, each));
}

async function verifyAccount(
  { accounts, find, mapping }: VerifyOptions,
  { account: { id, key, email, isConfirmed } }: ReadUser,
  result: Verification,
): Promise<void> {
  const answer = await accounts.get(id);
  if (answer.isErr()) throw answer.error;
  const account = answer.value;
  result.accounts++;
  // who has signed in may have changed it
  if (account && (account.hasSignedIn || (account.email === email && account.isConfirmed === isConfirmed))) return;
  result.wrong++;
  const reason = account ? "the account is another one" : "there is no account";
  find({ from: mapping.users.from, field: mapping.users.email, reason, id: key, value: email });
}

async function readBack(home: HomeCopy, userId: string, collection: Collection, list: readonly ConvertedRecord[]) {
  const found = new Map<string, Row>();
  const deleted = new Set<string>();
  for (let from = 0; from < list.length; from += READ_AT_ONCE) {
    const ids = list.slice(from, from + READ_AT_ONCE).map(({ id }) => id);
    const { rows, tombstones } = await home.read(userId, collection, ids);
    for (const { record } of rows) found.set(String(record.id), record);
    for (const { id } of tombstones) deleted.add(id);
  }
  return { found, deleted };
}

function compare(
  { find }: VerifyOptions,
  { entry, key, values }: ConvertedRecord,
  record: Row | undefined,
  result: Verification,
): void {
  const { from, collection } = entry;
  result.records++;
  const differing = Object.keys(collection.fields).filter(
    (name) => !isDeepStrictEqual(record?.[name] ?? null, values[name] ?? null),
  );
  if (record && differing.length === 0) return;
  result.wrong++;
  if (!record) {
    find({ from, field: "", reason: `is not in ${collection.name}`, id: key });
    return;
  }
  for (const field of differing) {
    const value = `${shown(values[field])}, and ${shown(record[field])} there`;
    find({ from, field, reason: `is another one in ${collection.name}`, id: key, value });
  }
}

/** Whether counts and sums are the same, too. */
export const isVerified = ({ wrong, expected, found }: Verification): boolean =>
  wrong === 0 && isDeepStrictEqual(expected, found);
