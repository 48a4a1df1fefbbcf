/** Answers in a form in which all homes have to give the same one: without versions, times and cursors. */
import type { RepositoryError } from "../../shared/contract/errors.ts";
import type { Page, SummaryGroup } from "../../shared/contract/repository.ts";
import type { Operation } from "./operations.ts";

export type Row = Record<string, unknown> & { id: string; version: number; created_at: string; updated_at: string };
export type Raw = { ok: unknown } | { error: RepositoryError } | { thrown: string };

/** Groups by these have a key of their own on each side; there is one for each record, and they come in the same order. */
const OWN_KEYS = ["created_at", "updated_at", "version"];
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What only the side that has answered knows. */
export interface Known {
  /** which version of its record a row is */
  ordinal(row: Row): number;
  /** which owner that is */
  owner(userId: unknown): unknown;
}

export function comparable(operation: Operation, raw: Raw, known: Known): unknown {
  if ("thrown" in raw) return raw;
  if ("error" in raw) {
    const { cause, ...error } = raw.error;
    return { error };
  }
  switch (operation.call) {
    case "create":
    case "get":
    case "update":
      return withoutTimes(raw.ok as Row, known);
    case "list":
    case "next": {
      const { items, next_cursor } = raw.ok as Page<Row>;
      return { items: items.map((row) => withoutTimes(row, known)), more: next_cursor !== null };
    }
    case "summarize": {
      const isOwn = OWN_KEYS.includes(operation.query.by ?? "");
      return (raw.ok as SummaryGroup[]).map((group) => (isOwn ? { ...group, key: typeof group.key } : group));
    }
    default:
      return raw;
  }
}

function withoutTimes(row: Row, { ordinal, owner }: Known): object {
  const times = [row.created_at, row.updated_at];
  return {
    ...row,
    user_id: owner(row.user_id),
    version: ordinal(row),
    created_at: times.every((time) => INSTANT.test(time)) && row.created_at <= row.updated_at ? "a time" : times,
    updated_at: row.created_at === row.updated_at ? "as created" : "later",
  };
}
