/**
 * One user, all or nothing. Their records come first, while nobody can see them, and the account last: from that moment on they
 * are there, with everything. So a process that dies has left records of nobody, which its claim in the journal names, and
 * the next try takes them away; and a user whom Auth refuses has lost them before anybody knew of them.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { isRepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { HomeCopy, OwnedRow } from "../repository/home-copy.ts";
import type { Accounts } from "./accounts.ts";
import type { ConvertedRecord } from "./convert-record.ts";
import type { ReadUser } from "./read-users.ts";

export type ImportStep = "claimed" | "cleared" | "brought" | "created" | "settled";

export interface Bringing {
  home: HomeCopy;
  accounts: Accounts;
  /** refuses when another process has the run by now */
  hold: () => Promise<Result<void, RepositoryError>>;
  /** told of each step that outlives the process */
  at: (step: ImportStep) => void;
}

export interface ClaimedUser {
  user: ReadUser;
  /** of each of their records */
  version: number;
  /** an earlier try may have left some */
  isAgain: boolean;
}

/** Records that one call brings. */
const ROWS = 1_000;

/**
 * The records of many users in few calls. `invalid` and `conflict` are some user's fault: whose, `bringUser` finds out of each by
 * itself. `unavailable`: it is to be tried again.
 */
export function bringTogether(
  { home, at }: Bringing,
  claimed: readonly ClaimedUser[],
): Promise<Result<void, RepositoryError>> {
  return answered(async () => {
    const again = claimed.filter(({ isAgain }) => isAgain);
    if (again.length > 0) {
      // the source may have changed since that try
      await home.unbring(again.map(({ user, version }) => ({ userId: user.account.id, version })));
      at("cleared");
    }
    const rows = new Map<Collection, OwnedRow[]>();
    for (const { user, version } of claimed)
      for (const [collection, list] of user.records) {
        const all = rows.get(collection) ?? [];
        rows.set(collection, all);
        for (const record of list) all.push(rowOf(user, record, version));
      }
    for (const [collection, all] of rows) await bringAll({ home, at }, collection, all);
  });
}

async function bringAll(
  { home, at }: Pick<Bringing, "home" | "at">,
  collection: Collection,
  rows: readonly OwnedRow[],
): Promise<void> {
  for (const some of parted(collection, rows)) {
    await home.bring(collection, some);
    at("brought");
  }
}

/**
 * The account, when the records are there (`isBrought`), or both. Numbers of records by collection. `unavailable`: nobody knows
 * how far it came, and it is to be tried again; so with what `hold` refuses.
 */
export async function bringUser(
  { home, accounts, hold, at }: Bringing,
  { user, version }: ClaimedUser,
  isBrought: boolean,
): Promise<Result<Record<string, number>, RepositoryError>> {
  const { account, records } = user;
  const brought = await answered(async () => {
    if (isBrought) return;
    for (const [collection, list] of records) {
      const rows = list.map((record) => rowOf(user, record, version));
      await bringAll({ home, at }, collection, rows);
    }
  });
  if (brought.isOk()) {
    const held = await hold();
    if (held.isErr()) return err(held.error);
  }
  const created = brought.isOk() ? await accounts.create(account) : brought;
  if (created.isOk()) {
    at("created");
    return ok(countsOf(records));
  }
  if (created.error.kind === "unavailable") return err(created.error);
  const cleared = await answered(() => home.unbring([{ userId: account.id, version }]));
  return err(cleared.isErr() ? cleared.error : created.error);
}

/** Whole where records refer to others of the same collection: those may be further down. */
function* parted({ name, fields }: Collection, list: readonly OwnedRow[]): Generator<readonly OwnedRow[]> {
  const isWhole = Object.values(fields).some(({ references }) => references === name);
  const size = isWhole ? Math.max(1, list.length) : ROWS;
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}

export const countsOf = (records: ReadUser["records"]): Record<string, number> =>
  Object.fromEntries([...records].map(([{ name }, list]) => [name, list.length]));

/** What is thrown as an error of the contract, as a value. */
export async function answered<T>(work: () => Promise<T>): Promise<Result<T, RepositoryError>> {
  try {
    return ok(await work());
  } catch (error) {
    if (isRepositoryError(error)) return err(error);
    throw error;
  }
}

const MICROSECONDS = 1_000;

function rowOf(
  { account }: ReadUser,
  { id, values, createdAt, updatedAt }: ConvertedRecord,
  version: number,
): OwnedRow {
  const now = new Date(version / MICROSECONDS).toISOString();
  const record = { ...values, id, version, created_at: createdAt ?? now, updated_at: updatedAt ?? createdAt ?? now };
  return { userId: account.id, record, createHash: null };
}
