/** Alerts as Postgres keeps them, and who is told. What is found stands in alert-conditions.ts. */
import { createWebhookSender, type SendWebhook } from "../http/webhook-sender.ts";

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
export type AlertKind = (typeof ALERT_KINDS)[number];

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

/** The receiver that is configured; undefined: none is. */
export const receiverIn = ({
  ALERT_WEBHOOK_URL: url,
  ALERT_WEBHOOK_SECRET: secret,
}: Receiver): SendWebhook | undefined => (url && secret ? createWebhookSender({ url, secret }) : undefined);
interface Receiver {
  ALERT_WEBHOOK_URL?: string | undefined;
  ALERT_WEBHOOK_SECRET?: string | undefined;
}
