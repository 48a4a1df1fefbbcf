/** Alerts as Postgres keeps them; what is found, and who is told, stands in alert-conditions.ts and alert-notices.ts. */

/** What can be wrong. The subject is a database's name, or "ledger", "moves", "copy". */
export const ALERT_KINDS = [
  "database_down",
  "database_full",
  "replication_lag",
  "replication_dead",
  "purges_overdue",
  "ledger_broken",
  "moves_stuck",
] as const;
type AlertKind = (typeof ALERT_KINDS)[number];

/** One that has begun. */
export interface Alert {
  id: string;
  kind: AlertKind;
  subject: string;
  detail: string;
  began_at: string;
  /** when it was last found so */
  last_seen_at: string;
  /** null: it goes on */
  ended_at: string | null;
  /** when the receiver took the notice of its beginning, and of its end; null: not yet, or there is no receiver */
  told_at: string | null;
  end_told_at: string | null;
  /** why the notice that waits was not taken */
  last_error: string | null;
}
