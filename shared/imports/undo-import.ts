/**
 * Takes back what a run has made, and nothing that its users have made of it: who has never signed in and whose records are as
 * they were brought goes, account and all. Of everybody else, the account stays, and with it what they have changed or added,
 * and what that refers to; the rest of what was brought is deleted, as they would delete it.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { throughOutage } from "../contract/through-outage.ts";
import type { Collection } from "../definition/define.ts";
import type { HomeCopy } from "../repository/home-copy.ts";
import type { Accounts } from "./accounts.ts";
import { answered } from "./bring-user.ts";
import type { Journal, JournalUser, Settled } from "./journal.ts";

export type UndoStep = "marked" | "removed" | "cleared" | "withdrawn" | "settled";

export interface UndoOptions {
  run: number;
  journal: Journal;
  accounts: Accounts;
  home: HomeCopy;
  /** where each user is at home by now; null: nowhere */
  homeOf: (userId: string) => Promise<Result<string | null, RepositoryError>>;
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
    const left = [...users];
    let stopped: RepositoryError | undefined;
    const work = async () => {
      for (let user = left.shift(); user && !stopped; user = left.shift()) {
        const each: JournalUser = user;
        const held = await throughOutage(() => journal.hold(run));
        const undone = held.isErr()
          ? err(held.error)
          : await throughOutage(() => answered(() => undoUser(options, each)));
        if (undone.isErr()) stopped = undone.error;
        else settled.push(undone.value);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
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

/** What cannot be asked is thrown. */
async function undoUser(
  { home, accounts, collections, homeOf, at }: UndoOptions,
  { user_id, state, version: written, home: homeThen, records }: JournalUser,
): Promise<Settled> {
  const version = Number(written);
  const account = value(await accounts.get(user_id));
  if (account === null && state === "done")
    return { user_id, state: "failed", reason: "has deleted the account since" };
  if (account === null) {
    // not made yet, or taken away by an earlier try
    await home.unbring(user_id, version);
    at?.("cleared");
    return { user_id, state: "undone" };
  }
  const homeNow = value(await homeOf(user_id));
  if (homeNow !== homeThen) return { user_id, state: "kept", reason: `has moved to ${homeNow}: move them back first` };
  const own = await ownRecords(home, user_id, collections, version);
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
    await home.unbring(user_id, version);
    at?.("cleared");
    return { user_id, state: "undone" };
  }
  // what refers to others first
  for (const [collection, ids] of [...own.brought].reverse()) {
    if (ids.length > 0) await home.withdraw(user_id, collection, version, ids);
    at?.("withdrawn");
  }
  return { user_id, state: "kept", reason: reasons.join(", ") };
}

const PAGE = 1_000;

async function ownRecords(home: HomeCopy, userId: string, collections: readonly Collection[], version: number) {
  const brought = new Map<Collection, string[]>();
  let others = 0;
  // one call, of which most users need few more
  const digests = await home.digests(userId, collections);
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
