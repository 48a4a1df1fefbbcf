/**
 * Whether a run has brought what the source has: the source is read once more, and what is in the home is read back and compared,
 * in counts, in sums of money by currency, and field by field. What users have changed since is told apart.
 */
import { isDeepStrictEqual } from "node:util";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { throughOutage } from "../contract/through-outage.ts";
import type { Collection } from "../definition/define.ts";
import { type HomeCopy, type OwnedKey, ownedKey } from "../repository/home-copy.ts";
import type { Row } from "../repository/store.ts";
import type { Accounts } from "./accounts.ts";
import { answered } from "./bring-user.ts";
import type { ConvertedRecord } from "./convert-record.ts";
import { shown } from "./convert-value.ts";
import type { Finding } from "./findings.ts";
import type { Journal, JournalUser } from "./journal.ts";
import type { Mapping } from "./mapping.ts";
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
  const { source, mapping, batchSize } = options;
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
    const there = await throughOutage(() => answered(() => readBack(options.home, left)));
    if (there.isErr()) return err(there.error);
    for (const user of left) {
      const version = Number(done.value.get(user.account.id)?.version);
      if (result.users % options.accountEvery === 0) {
        const verified = await throughOutage(() => answered(() => verifyAccount(options, user, result)));
        if (verified.isErr()) return err(verified.error);
      }
      verifyUser(options, user, version, there.value, result);
    }
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
  const held = await throughOutage(() => journal.hold(run));
  if (held.isErr()) return err(held.error);
  const found = await throughOutage(() => journal.among(run, "done", ids));
  return found.map((list) => new Map(list.map((each) => [each.user_id, each])));
}

/** What is there of a user's records, by collection and `ownedKey`; null: deleted since. */
type There = ReadonlyMap<Collection, ReadonlyMap<string, Row | null>>;

function verifyUser(
  options: VerifyOptions,
  { account, records }: ReadUser,
  version: number,
  there: There,
  result: Verification,
): void {
  result.users++;
  const expected = new Map<Collection, ConvertedRecord[]>();
  const rows: [Collection, Row[]][] = [];
  for (const [collection, list] of records) {
    const rowOf = ({ id }: ConvertedRecord) => there.get(collection)?.get(ownedKey({ userId: account.id, id }));
    const same = list.filter((record) => {
      const row = rowOf(record);
      return row === undefined || (row !== null && Number(row.version) === version);
    });
    result.changed += list.length - same.length;
    const found: Row[] = [];
    for (const record of same) {
      const row = rowOf(record) ?? undefined;
      compare(options, record, row, result);
      if (row) found.push(row);
    }
    expected.set(collection, same);
    rows.push([collection, found]);
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

async function readBack(home: HomeCopy, users: readonly ReadUser[]): Promise<There> {
  const keys = new Map<Collection, OwnedKey[]>();
  for (const { account, records } of users)
    for (const [collection, list] of records) {
      const all = keys.get(collection) ?? [];
      keys.set(collection, all);
      for (const { id } of list) all.push({ userId: account.id, id });
    }
  const there = new Map<Collection, Map<string, Row | null>>();
  for (const [collection, all] of keys) {
    const found = new Map<string, Row | null>();
    there.set(collection, found);
    for (let from = 0; from < all.length; from += READ_AT_ONCE)
      for (const [key, row] of await home.readOwned(collection, all.slice(from, from + READ_AT_ONCE)))
        found.set(key, row);
  }
  return there;
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
