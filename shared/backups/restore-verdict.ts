/**
 * What is to become of one line of a backup, by what is there under its id. The larger version is the later write, whoever made
 * it, so that a line can be met twice, or late, and nothing of what came after the backup is lost.
 */
import type { Collection } from "../definition/define.ts";
import { isTombstone, type Line, versionOf } from "./record-lines.ts";

/** What a database has under an id; null: nothing, and no tombstone either. */
export interface Here {
  version: number;
  isDeleted: boolean;
  /** of a replicated record */
  seen?: Readonly<Record<string, number>> | undefined;
}

/**
 * missing  nothing is there: it comes back as it was
 * older    what is there is older than the backup: it is replaced
 * same     it is there
 * newer    it was changed since: it stays, unless the old contents are asked for, as a new version
 * deleted  it was deleted since: it stays so, unless it is asked for, as a new version
 */
export type Verdict = "missing" | "older" | "same" | "newer" | "deleted";

export function verdictOn(line: Line, here: Here | null): Verdict {
  if (here === null) return "missing";
  const version = versionOf(line);
  if (here.version === version) return "same";
  if (here.version < version && includes(line, here)) return "older";
  return here.isDeleted && !isTombstone(line) ? "deleted" : "newer";
}

/** Of what both databases write, one version alone does not say that it has seen the other. */
const includes = ({ _seen }: Line, { seen }: Here): boolean =>
  _seen === undefined ||
  Object.entries(seen ?? {}).every(
    ([site, version]) => Number((_seen as Record<string, unknown>)[site] ?? 0) >= version,
  );

/** How to treat what was changed since. */
export interface Choices {
  /** the old contents are written over newer ones, as a new version */
  overwrite: boolean;
  /** what was deleted since comes back, as a new version */
  undelete: boolean;
}

/** Whether a line is written as a new version. A deletion never is. */
export const isRenewed = (verdict: Verdict, line: Line, { overwrite, undelete }: Choices): boolean =>
  !isTombstone(line) && ((verdict === "newer" && overwrite) || (verdict === "deleted" && undelete));

/** What became of one line. */
export type Outcome =
  | { is: Exclude<Verdict, "older"> | "replaced" | "renewed" }
  /** the database does not take it: a unique key is another record's, or what it refers to is not there */
  | { is: "refused"; why: string; mayFitLater: boolean }
  /** its user has moved to another home meanwhile */
  | { is: "elsewhere" };

/** A database that records are restored into. Whatever it is asked to write may be asked again. */
export interface RestoreTarget {
  readonly name: string;
  readonly kind: "postgres" | "mongodb";
  /**
   * Judges and writes, unless it is a dry run; an outcome for each line, in their order. `living`: those of their users who
   * have an account here, whose own writes go on meanwhile. Throws as the driver does.
   */
  put(batch: RestoreBatch): Promise<Outcome[]>;
  /** What is there under the ids of these, as lines; null: nothing. */
  read(collection: Collection, lines: readonly Line[]): Promise<(Line | null)[]>;
  /** Records and what is left of deleted ones. */
  count(collection: Collection): Promise<number>;
  close(): Promise<void>;
}

export interface RestoreBatch {
  collection: Collection;
  lines: readonly Line[];
  living: ReadonlySet<string>;
  choices: Choices;
  isDry: boolean;
}
