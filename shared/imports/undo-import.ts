/**
 * Takes back what a run has made, and nothing that its users have made of it: who has never signed in and whose records are as
 * they were brought goes, account and all. Of everybody else, the account stays, and with it what they have changed or added,
 * and what that refers to; the rest of what was brought is deleted, as they would delete it.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { throughOutage } from "../contract/through-outage.ts";
import type { Collection } from "../definition/define.ts";
import { type Brought, type Digest, type HomeCopy, versionsOfOne } from "../repository/home-copy.ts";
import type { Accounts } from "./accounts.ts";
import { answered } from "./bring-user.ts";
import type { Journal, JournalUser, Settled } from "./journal.ts";

export type UndoStep = "marked" | "removed" | "cleared" | "withdrawn" | "settled";

export interface UndoOptions {
  run: number;
  journal: Journal;
  accounts: Accounts;
  home: HomeCopy;
  /** where these users are at home by now; who is nowhere is not in it */
  homesOf: (userIds: readonly string[]) => Promise<Result<ReadonlyMap<string, string>, RepositoryError>>;
  /** of homes, parents first */
  collections: readonly Collection[];
  batchSize: number;
  atOnce: number;
  onDone: (done: number) => void;
  isOver: () => boolean;
  at?: (step: UndoStep) => void;
}

export interface UndoReport {
  undone: number;
  /** with the reason */
  kept: { user_id: string; reason: string }[];
  isAll: boolean;
}

export async function undoImport(options: UndoOptions): Promise<Result<UndoReport, RepositoryError>> {
  const { run, journal, batchSize, atOnce, at } = options;
  const report: UndoReport = { undone: 0, kept: [], isAll: true };
  for (let after: string | null = null; ; ) {
    if (options.isOver()) return ok({ ...report, isAll: false });
    const page: Result<JournalUser[], RepositoryError> = await throughOutage(() =>
      journal.users(run, ["claimed", "done", "undoing"], after, batchSize),
    );
    if (page.isErr()) return err(page.error);
    const users = page.value;
    if (users.length === 0) return ok(report);
    const marks = users.map(({ user_id }): Settled => ({ user_id, state: "undoing" }));
    const marked = await throughOutage(() => journal.settle(run, marks));
    if (marked.isErr()) return err(marked.error);
    at?.("marked");
    const settled: Settled[] = [];
    const gone: Brought[] = [];
    let stopped: RepositoryError | undefined;
    // some at a time, and no more: what is asked of them is to be true when they go
    for (let from = 0; from < users.length && !stopped; from += atOnce) {
      const some = users.slice(from, from + atOnce);
      const held = await throughOutage(() => journal.hold(run));
      const homes = held.isErr()
        ? err(held.error)
        : await throughOutage(() => options.homesOf(some.map(({ user_id }) => user_id)));
      if (homes.isErr()) stopped = homes.error;
      else
        await Promise.all(
          some.map(async (each) => {
            let known: typeof homes.value | undefined = homes.value;
            const undone = await throughOutage(() =>
              answered(async () => {
                const now = known ?? value(await options.homesOf([each.user_id]));
                // after an outage it may be another one
                known = undefined;
                return undoUser(options, each, now);
              }),
            );
            if (undone.isErr()) stopped ??= undone.error;
            else if (undone.value !== "gone") settled.push(undone.value);
            else gone.push({ userId: each.user_id, version: Number(each.version) });
          }),
        );
    }
    if (gone.length > 0) {
      // of all of them at once; who has no account has nothing but what was brought
      const cleared = await throughOutage(() => answered(() => options.home.unbring(gone)));
      if (cleared.isErr()) stopped ??= cleared.error;
      else settled.push(...gone.map(({ userId }): Settled => ({ user_id: userId, state: "undone" })));
      at?.("cleared");
    }
    for (const { user_id, state, reason = "" } of settled)
      if (state === "kept") report.kept.push({ user_id, reason });
      else report.undone++;
    if (settled.length > 0) {
      const told = await throughOutage(() => journal.settle(run, settled));
      if (told.isErr()) return err(told.error);
    }
    at?.("settled");
    if (stopped) return err(stopped);
    options.onDone(report.undone + report.kept.length);
    after = users.at(-1)?.user_id ?? null;
  }
}

const value = <T>(result: Result<T, RepositoryError>): T => {
  if (result.isErr()) throw result.error;
  return result.value;
};

/** `gone`: there is no account any more, and what was brought may be taken away. What cannot be asked is thrown. */
async function undoUser(
  { home, accounts, collections, at }: UndoOptions,
  { user_id, state, version: written, home: homeThen, records }: JournalUser,
  homes: ReadonlyMap<string, string>,
): Promise<Settled | "gone"> {
  const version = Number(written);
  const [found, digests] = await Promise.all([accounts.get(user_id), home.digests(user_id, collections)]);
  const account = value(found);
  if (account === null && state === "done")
    return { user_id, state: "failed", reason: "has deleted the account since" };
  // not made yet, or taken away by an earlier try
  if (account === null) return "gone";
  const homeNow = homes.get(user_id) ?? null;
  if (homeNow !== homeThen) return { user_id, state: "kept", reason: `has moved to ${homeNow}: move them back first` };
  if (!account.hasSignedIn && isAsBrought(digests, records, version)) {
    value(await accounts.remove(user_id));
    at?.("removed");
    return "gone";
  }
  const own = await ownRecords(home, user_id, collections, version, digests);
  const brought = Object.values(records).reduce((sum, count) => sum + count, 0);
  const here = [...own.brought.values()].reduce((sum, ids) => sum + ids.length, 0);
  const reasons = [
    account.hasSignedIn && "has signed in since",
    own.others > 0 && "has changed or added records since",
    own.others === 0 && here < brought && "has deleted records since",
  ].filter((reason) => reason !== false);
  if (reasons.length === 0) {
    value(await accounts.remove(user_id));
    at?.("removed");
    return "gone";
  }
  // what refers to others first
  for (const [collection, ids] of [...own.brought].reverse()) {
    if (ids.length > 0) await home.withdraw(user_id, collection, version, ids);
    at?.("withdrawn");
  }
  return { user_id, state: "kept", reason: reasons.join(", ") };
}

/** Whether nothing is there but what was brought, and all of it: what most users need no more calls for. */
const isAsBrought = (
  digests: Readonly<Record<string, Digest>>,
  records: Readonly<Record<string, number>>,
  version: number,
): boolean =>
  Object.entries(digests).every(
    ([name, { count, deleted, versions }]) =>
      deleted === 0 && count === (records[name] ?? 0) && versions === versionsOfOne(version, count),
  );

const PAGE = 1_000;

async function ownRecords(
  home: HomeCopy,
  userId: string,
  collections: readonly Collection[],
  version: number,
  digests: Readonly<Record<string, Digest>>,
) {
  const brought = new Map<Collection, string[]>();
  let others = 0;
  const filled = collections.filter(({ name }) => (digests[name]?.count ?? 0) + (digests[name]?.deleted ?? 0) > 0);
  for (const collection of filled) {
    const ids: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await home.manifest(userId, collection, after, PAGE);
      for (const entry of page)
        if (!entry.isDeleted && entry.version === version) ids.push(entry.id);
        else others++;
      const last = page.at(-1);
      if (page.length < PAGE || !last) break;
      after = last.id;
    }
    brought.set(collection, ids);
  }
  return { brought, others };
}
