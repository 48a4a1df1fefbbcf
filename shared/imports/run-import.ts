/** A run: every user of the source in turn, a batch at a time, each step in the journal before and after. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { throughOutage } from "../contract/through-outage.ts";
import type { HomeCopy } from "../repository/home-copy.ts";
import { type Accounts, isMaybeOfTheUser } from "./accounts.ts";
import { answered, bringTogether, bringUser, type ClaimedUser, countsOf, type ImportStep } from "./bring-user.ts";
import { shown } from "./convert-value.ts";
import { STANDINGS } from "./dry-run.ts";
import type { Finding } from "./findings.ts";
import type { ClaimAnswer, Claimed, Journal, Settled } from "./journal.ts";
import type { Mapping } from "./mapping.ts";
import { type ReadUser, type ReadUsers, readUsers } from "./read-users.ts";
import type { ImportSource } from "./source.ts";

export interface RunOptions {
  run: number;
  source: ImportSource;
  mapping: Mapping;
  journal: Journal;
  accounts: Accounts;
  /** of the run's home */
  home: HomeCopy;
  find: (finding: Finding) => void;
  /** users that are read, claimed and settled at once */
  batchSize: number;
  /** of those, so many are written at the same time */
  atOnce: number;
  onRead: (read: number) => void;
  isOver: () => boolean;
  at?: (step: ImportStep) => void;
}

/** Numbers of users. */
export interface RunReport {
  imported: number;
  /** by an earlier try of the same run */
  before: number;
  failed: number;
  /** false: it was ended before it was through */
  isAll: boolean;
}

/** When Auth refuses so many one after the other, it is not about them. */
const REFUSED_IN_A_ROW = 20;

/** `unavailable`: what is done is done, and the same run goes on with the rest. `invalid`: another process has the run. */
export async function runImport(options: RunOptions): Promise<Result<RunReport, RepositoryError>> {
  const report: RunReport = { imported: 0, before: 0, failed: 0, isAll: true };
  const { source, mapping, find, batchSize } = options;
  const refused = { inARow: 0 };
  for await (const { read, users, unread } of readUsers({ source, mapping, find, batchSize })) {
    if (options.isOver()) return ok({ ...report, isAll: false });
    const done = await importBatch(options, { users, unread }, report, refused);
    if (done.isErr()) return err(done.error);
    options.onRead(read);
  }
  return (await sweep(options)).map(() => report);
}

const FAILED = { state: "failed", is_unclaimed: true } as const;

async function importBatch(
  options: RunOptions,
  { users, unread }: Omit<ReadUsers, "read">,
  report: RunReport,
  refused: { inARow: number },
): Promise<Result<void, RepositoryError>> {
  const { run, journal, mapping, find } = options;
  const unfit = users.filter(({ isFit }) => !isFit);
  const settled: Settled[] = [
    ...unfit.map(({ account: { id }, misfit = "" }) => ({ id, reason: misfit })),
    ...unread,
  ].flatMap(({ id, reason }) => (id === undefined ? [] : [{ ...FAILED, user_id: id, reason }]));
  const fit = users.filter(({ isFit }) => isFit);
  const asked = fit.map(({ account: { id, email } }) => ({ user_id: id, email }));
  const claimed =
    asked.length === 0 ? ok<Claimed[], RepositoryError>([]) : await throughOutage(() => journal.claim(run, asked));
  if (claimed.isErr()) return err(claimed.error);
  options.at?.("claimed");
  const answers = new Map(claimed.value.map((each) => [each.user_id, each]));
  report.failed += unfit.length + unread.length;
  const left = [...fit];
  let stopped: RepositoryError | undefined;
  const failed = ({ account: { id, key, email } }: ReadUser, reason: string, isUnclaimed: boolean) => {
    report.failed++;
    find({ from: mapping.users.from, field: "", reason, id: key, value: shown(email) });
    settled.push({ user_id: id, state: "failed", reason, ...(isUnclaimed && { is_unclaimed: true }) });
  };
  const hold = async () => {
    const held = await journal.hold(run);
    // whoever has the run by now goes on with these users, too
    if (held.isErr() && held.error.kind !== "unavailable") stopped ??= held.error;
    return held;
  };
  const bringing = { home: options.home, accounts: options.accounts, hold, at: options.at ?? (() => {}) };
  const fresh = new Map<ReadUser, ClaimedUser>();
  for (const user of fit) {
    const answer = answers.get(user.account.id);
    if (answer?.is === "claimed" && answer.version !== null)
      fresh.set(user, { user, version: Number(answer.version), isAgain: answer.is_again });
  }
  const together = await throughOutage(() => bringTogether(bringing, [...fresh.values()]));
  if (together.isErr() && together.error.kind === "unavailable") return err(together.error);
  const work = async () => {
    for (let user = left.shift(); user && !stopped; user = left.shift()) {
      const each: ReadUser = user;
      const claimedUser = fresh.get(each);
      const is = answers.get(each.account.id)?.is ?? "purging";
      if (is === "done") report.before++;
      else if (is === "arrived") {
        report.imported++;
        settled.push({ user_id: each.account.id, state: "done", records: countsOf(each.records) });
      } else if (!claimedUser) failed(each, inWords(is), true);
      else {
        const brought = await throughOutage(() => bringUser(bringing, claimedUser, together.isOk()));
        if (brought.isOk()) {
          report.imported++;
          settled.push({ user_id: each.account.id, state: "done", records: brought.value });
          refused.inARow = 0;
        } else if (stopped) return;
        else if (brought.error.kind !== "unavailable") failed(each, brought.error.message, false);
        else if (isMaybeOfTheUser(brought.error) && ++refused.inARow < REFUSED_IN_A_ROW) {
          const cleared = await throughOutage(() =>
            answered(() => options.home.unbring([{ userId: each.account.id, version: claimedUser.version }])),
          );
          if (cleared.isErr()) stopped ??= cleared.error;
          else failed(each, brought.error.message, false);
        } else stopped ??= brought.error;
      }
    }
  };
  await Promise.all(Array.from({ length: options.atOnce }, work));
  if (settled.length > 0) {
    const told = await throughOutage(() => journal.settle(run, onceEach(settled)));
    if (told.isErr()) return err(stopped ?? told.error);
  }
  options.at?.("settled");
  return stopped ? err(stopped) : ok(undefined);
}

/** The last that is said of each: files may have one id twice. */
const onceEach = (settled: readonly Settled[]): Settled[] => [
  ...new Map(settled.map((each) => [each.user_id, each])).values(),
];

const inWords = (is: ClaimAnswer): string =>
  is === "purging"
    ? "was deleted here, and what they left is being taken away: go on with the run in a minute"
    : ((STANDINGS as Partial<Record<ClaimAnswer, string>>)[is] ?? is);

const PAGE = 100;

/** Those whom an earlier try had claimed, and whom the source does not have any more, or not so that they fit. */
async function sweep({ run, journal, home, accounts }: RunOptions): Promise<Result<void, RepositoryError>> {
  for (let after: string | null = null; ; ) {
    const page = await throughOutage(() => journal.users(run, ["claimed"], after, PAGE));
    if (page.isErr()) return err(page.error);
    for (const { user_id, version } of page.value) {
      const account = await throughOutage(() => accounts.get(user_id));
      if (account.isErr()) return err(account.error);
      const isThere = account.value !== null;
      if (!isThere) {
        const cleared = await throughOutage(() =>
          answered(() => home.unbring([{ userId: user_id, version: Number(version) }])),
        );
        if (cleared.isErr()) return cleared;
      }
      const reason = "is not in the source any more, or does not fit by now";
      const settled: Settled = isThere ? { user_id, state: "done" } : { user_id, state: "failed", reason };
      const told = await throughOutage(() => journal.settle(run, [settled]));
      if (told.isErr()) return told;
    }
    const last = page.value.at(-1);
    if (!last) return ok(undefined);
    after = last.user_id;
  }
}
