/**
 * What is looked at, and from when on it is wrong. What cannot be looked at now is not in the answer, and changes nothing: an
 * evaluator that reaches nobody begins no alert, and ends none.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { DatabaseRow } from "../placement/assignment.ts";
import { titleOf } from "../placement/database-names.ts";
import type { Health } from "../placement/health.ts";
import type { ReplicationStatus } from "../replication/source.ts";
import { inMegabytes } from "../values/bytes.ts";
import type { AlertKind } from "./alerts.ts";

/** As `switchyard_note_alerts` takes it. */
export interface Found {
  kind: AlertKind;
  subject: string;
  /** null: between the two, where nothing changes */
  is_so: boolean | null;
  detail: string;
  /** for so long it has to be so, in seconds, before the alert begins */
  hold_seconds: number;
  /** and not to be so before it ends */
  clear_seconds: number;
}

interface OverdueTasks {
  count: number;
  oldest_at: string | null;
  error: string | null;
}
export interface OverdueWork {
  purges: (OverdueTasks & { database: string })[];
  moves: OverdueTasks;
}
export interface LedgerWatch {
  /** when the last whole walk ended; null: none has */
  walked_at: string | null;
  is_whole: boolean;
  offences: number | null;
  said: string | null;
}

type Look<T> = Result<T, RepositoryError> | undefined;

/** Undefined, and what is an error: it could not be looked at. */
export interface Looked {
  health?: Pick<Health, "homes"> | undefined;
  rows?: Look<DatabaseRow[]>;
  copy?: Look<Pick<ReplicationStatus, "is_on" | "oldest_ms" | "dead" | "pending">>;
  overdue?: Look<OverdueWork>;
  ledger?: Look<LedgerWatch>;
}

const LATE_MS = 120_000;
const IN_TIME_MS = 60_000;
/** Points of a hundred below the share from which on new users do not get it. */
const NEAR = 10;
const FAR = 15;

export function conditionsIn({ health, rows, copy, overdue, ledger }: Looked): Found[] {
  const listed = rows?.isOk() ? rows.value : [];
  return [
    ...(health?.homes ?? []).map(downOf),
    ...listed.map(fullOf),
    ...(copy?.isOk() ? copyOf(copy.value) : []),
    ...(overdue?.isOk() ? overdueOf(overdue.value, listed) : []),
    ...(ledger?.isOk() ? [booksOf(ledger.value)] : []),
  ];
}

const downOf = ({ name, connected, error }: Health["homes"][number]): Found => ({
  ...{ kind: "database_down", subject: name, is_so: !connected, hold_seconds: 60, clear_seconds: 120 },
  detail: connected ? `${titleOf(name)} answers.` : (error ?? `${titleOf(name)} does not answer.`),
});

function fullOf(row: DatabaseRow): Found {
  const shares = [
    share("bytes", row.bytes, row.capacity_bytes, inMegabytes),
    share("users", row.user_count, row.capacity_users, String),
  ].filter((found) => found !== undefined);
  const isRefusing = row.refuses === "storage_full";
  // a limit, and nobody knows how near
  const isUnknown = shares.length === 0 && (row.capacity_bytes !== null || row.capacity_users !== null);
  const highest = Math.max(0, ...shares.map(({ percent }) => percent));
  const limit = row.full_at_percent - NEAR;
  const isSo = isRefusing || highest >= limit ? true : !isUnknown && highest < row.full_at_percent - FAR ? false : null;
  const words = [...(isRefusing ? ["it refuses writes"] : []), ...shares.map(({ words: each }) => each)];
  return {
    ...{ kind: "database_full", subject: row.name, is_so: isSo, hold_seconds: 60, clear_seconds: 300 },
    detail: `${titleOf(row.name)}: ${words.join(", ") || "no limit is known"}.`,
  };
}

function share(what: string, value: number | null, capacity: number | null, say: (value: number) => string) {
  if (value === null || capacity === null || capacity <= 0) return undefined;
  const percent = (Number(value) / capacity) * 100;
  return { percent, words: `${Math.round(percent)} % of its ${what} (${say(Number(value))} of ${say(capacity)})` };
}

function copyOf({ is_on, oldest_ms, dead, pending }: NonNullable<LookedCopy>): Found[] {
  const waited = oldest_ms ?? 0;
  const isLate = is_on && waited > LATE_MS ? true : !is_on || waited < IN_TIME_MS ? false : null;
  return [
    {
      ...{ kind: "replication_lag", subject: "copy", is_so: isLate, hold_seconds: 60, clear_seconds: 120 },
      detail: `${pending} rows are to be copied; the oldest has waited ${Math.round(waited / 1_000)} s.`,
    },
    {
      ...{ kind: "replication_dead", subject: "copy", is_so: dead > 0, hold_seconds: 0, clear_seconds: 300 },
      detail: `${dead} rows are set aside: switchyard replication status says why.`,
    },
  ];
}
type LookedCopy = Pick<ReplicationStatus, "is_on" | "oldest_ms" | "dead" | "pending">;

function overdueOf({ purges, moves }: OverdueWork, listed: readonly DatabaseRow[]): Found[] {
  const names = [...new Set([...listed.map(({ name }) => name), ...purges.map(({ database }) => database)])];
  const since = ({ oldest_at, error }: OverdueTasks) =>
    `the oldest of ${oldest_at?.slice(0, 16).replace("T", " ") ?? "?"}${error ? `: ${error}` : ""}`;
  return [
    ...names.map((name): Found => {
      const found = purges.find(({ database }) => database === name);
      return {
        ...{ kind: "purges_overdue", subject: name, is_so: found !== undefined, hold_seconds: 0, clear_seconds: 60 },
        detail: found
          ? `What ${found.count} deleted users left in ${titleOf(name)} is not purged, ${since(found)}`
          : `All that is due is purged in ${titleOf(name)}.`,
      };
    }),
    {
      ...{ kind: "moves_stuck", subject: "moves", is_so: moves.count > 0, hold_seconds: 0, clear_seconds: 60 },
      detail:
        moves.count > 0
          ? `${moves.count} users have been moving for half an hour or more, ${since(moves)}`
          : "No move has been under way for half an hour.",
    },
  ];
}

const booksOf = ({ walked_at, offences, said }: LedgerWatch): Found => ({
  ...{ kind: "ledger_broken", subject: "ledger", hold_seconds: 0, clear_seconds: 0 },
  is_so: (offences ?? 0) > 0 ? true : walked_at === null ? null : false,
  detail: offences ? `The books are not right in ${offences} places: ${said}` : "The books are right.",
});
