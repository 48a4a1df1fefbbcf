/**
 * One user, all or nothing. Their records come first, while nobody can see them, and the account last: from that moment on they
 * are there, with everything. So a process that dies has left records of nobody, which its claim in the journal names, and
 * the next try takes them away; and a user whom Auth refuses has lost them before anybody knew of them.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { isRepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { CopiedRow, HomeCopy } from "../repository/home-copy.ts";
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

/** Records that one call brings. */
const ROWS = 1_000;

/** Numbers of records by collection. `unavailable`: nobody knows how far it came, and it is to be tried again; so with `hold`. */
export async function bringUser(
  { home, accounts, hold, at }: Bringing,
  { account, records }: ReadUser,
  { version, isAgain }: { version: number; isAgain: boolean },
): Promise<Result<Record<string, number>, RepositoryError>> {
  const { id } = account;
  const brought = await answered(async () => {
    if (isAgain) {
      // of an earlier try, from which the source may have changed
      await home.unbring(id, version);
      at("cleared");
    }
    for (const [collection, list] of records)
      for (const some of parted(collection, list)) {
        await home.bring(
          id,
          collection,
          some.map((record) => rowOf(record, version)),
        );
        at("brought");
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
  const cleared = await answered(() => home.unbring(id, version));
  return err(cleared.isErr() ? cleared.error : created.error);
}

/** Whole where records refer to others of the same collection: those may be further down. */
function* parted(
  { name, fields }: Collection,
  list: readonly ConvertedRecord[],
): Generator<readonly ConvertedRecord[]> {
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

function rowOf({ id, values, createdAt, updatedAt }: ConvertedRecord, version: number): CopiedRow {
  const now = new Date(version / MICROSECONDS).toISOString();
  const record = { ...values, id, version, created_at: createdAt ?? now, updated_at: updatedAt ?? createdAt ?? now };
  return { record, createHash: null };
}
