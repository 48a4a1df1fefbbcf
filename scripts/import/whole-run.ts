/** A run from its beginning to its end, and an undoing: every step that outlives the process stands in the journal. */
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import type { ImportStep } from "../../shared/imports/bring-user.ts";
import type { BegunRun, NewRun } from "../../shared/imports/journal.ts";
import { type RunOptions, type RunReport, runImport } from "../../shared/imports/run-import.ts";
import { totalsAsJson } from "../../shared/imports/totals.ts";
import { type UndoOptions, type UndoReport, type UndoStep, undoImport } from "../../shared/imports/undo-import.ts";
import { isVerified, type Verification, verifyImport } from "../../shared/imports/verify-import.ts";

export interface WholeRun extends Omit<RunOptions, "run" | "at"> {
  asked: NewRun;
  /** to go on with; absent: the one of the same source, mapping and home, or a new one */
  wanted?: number | undefined;
  accountEvery: number;
  onBegun: (run: BegunRun) => void;
  onVerified: (read: number) => void;
  at?: (step: ImportStep | "begun" | "verified" | "ended") => void;
}

export interface WholeReport {
  run: number;
  ran: RunReport;
  /** absent: it was ended before everybody was brought */
  verification?: Verification | undefined;
  /** false: ended early */
  isThrough: boolean;
}

export async function wholeRun(options: WholeRun): Promise<Result<WholeReport, RepositoryError>> {
  const { asked, wanted, journal, at } = options;
  const begun = await journal.begin(asked, wanted);
  if (begun.isErr()) return begun.map(never);
  const run = begun.value.id;
  options.onBegun(begun.value);
  at?.("begun");
  const ran = await runImport({ ...options, run });
  if (ran.isErr()) return ran.map(never);
  const verified = ran.value.isAll
    ? await verifyImport({ ...options, run, onRead: options.onVerified })
    : ok<undefined, RepositoryError>(undefined);
  if (verified.isErr()) return verified.map(never);
  at?.("verified");
  const verification = verified.value;
  const isThrough = verification?.isAll === true;
  const summary = { ...ran.value, ...(isThrough && { verified: summaryOf(verification) }) };
  const ended = await journal.end(run, isThrough ? "done" : "running", summary);
  at?.("ended");
  return ended.map(() => ({ run, ran: ran.value, verification, isThrough }));
}

/** As it stands in the journal. */
export function summaryOf(verification: Verification) {
  const { users, accounts, records, changed, wrong, expected, found } = verification;
  const is = { is_verified: isVerified(verification), expected: totalsAsJson(expected), found: totalsAsJson(found) };
  return { users, accounts, records, changed, wrong, ...is };
}

export interface WholeUndo extends Omit<UndoOptions, "at"> {
  at?: (step: UndoStep | "ended") => void;
}

/** Of a run that `beginUndo` has said is this process's. */
export async function wholeUndo(options: WholeUndo): Promise<Result<UndoReport, RepositoryError>> {
  const { run, journal, at } = options;
  const undone = await undoImport(options);
  if (undone.isErr()) return undone;
  const { undone: gone, kept, isAll } = undone.value;
  const ended = await journal.end(run, isAll ? "undone" : "undoing", { undone: gone, kept: kept.length });
  at?.("ended");
  return ended.map(() => undone.value);
}

const never = (): never => {
  throw new Error("an error has no value");
};
