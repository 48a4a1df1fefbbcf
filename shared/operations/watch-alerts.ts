/**
 * Looks for what is wrong, notes it, and tells the receiver: what the edge function `alerts` does once a minute, and `switchyard
 * alerts check`. Any number may do it at the same time.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { SendWebhook } from "../http/webhook-sender.ts";
import type { Log } from "../log.ts";
import { createAssignments, type DatabaseRow } from "../placement/assignment.ts";
import { createHealth } from "../placement/health.ts";
import type { Registry } from "../placement/registry.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { ReplicationStatus } from "../replication/source.ts";
import { within } from "../values/within.ts";
import { conditionsIn, type Found, type LedgerWatch, type OverdueWork } from "./alert-conditions.ts";
import type { Alert } from "./alerts.ts";

export interface WatchAlertsOptions {
  /** of the control plane, with the secret key */
  service: SupabaseClient;
  registry: Registry;
  /** undefined: nobody is told */
  send?: SendWebhook | undefined;
  log: Log;
  /** milliseconds since 1970 */
  clock?: () => number;
  /** how long a database may take to answer */
  probeMs: number;
  /** how long the books are walked, in milliseconds; what is left is for the next time */
  walkMs?: number;
}

export interface Watched {
  found: Found[];
  /** alerts that have begun and not ended */
  open: number;
  /** notices that the receiver has taken */
  told: number;
  /** why it did not take one; the others wait, too */
  refused: string | null;
}

interface Notice {
  id: string;
  event: "began" | "ended";
  at: string;
  attempts: number;
  alert: Pick<Alert, "id" | "kind" | "subject" | "detail" | "began_at" | "ended_at">;
}

const LEASE_SECONDS = 30;
const MAX_NOTICES = 50;
const SIZE_AGE_MS = 900_000;

/** `unavailable` when Supabase does not answer: nothing is noted then. */
export async function watchAlerts(options: WatchAlertsOptions): Promise<Result<Watched, RepositoryError>> {
  const { service, send } = options;
  const found = conditionsIn(await look(options));
  const open = await callSystem<number>(service, "switchyard_note_alerts", {
    p_found: found,
    p_tell: send !== undefined,
  });
  if (open.isErr()) return err(open.error);
  const told = send ? await tell(options, send) : { told: 0, refused: null };
  return ok({ found, open: open.value, ...told });
}

async function look(options: WatchAlertsOptions) {
  const { service, registry, clock = Date.now, probeMs } = options;
  const assignments = createAssignments(service);
  const health = createHealth({ databases: [...registry.values()], rows: assignments.databases, probeMs, clock });
  const rows = await assignments.databases();
  const [homes, sized, copy, overdue, ledger] = await Promise.all([
    health(),
    rows.isOk() ? measured(options, rows.value) : undefined,
    callSystem<ReplicationStatus>(service, "switchyard_replication_status"),
    callSystem<OverdueWork>(service, "switchyard_overdue_work"),
    walkOn(options),
  ]);
  return { health: homes, rows: sized ? ok(sized) : rows, copy, overdue, ledger };
}

/** How large databases are is known of sign-ups and statistics; of those that nobody has measured lately, this does. */
async function measured(
  { service, registry, clock = Date.now, probeMs }: WatchAlertsOptions,
  rows: readonly DatabaseRow[],
): Promise<DatabaseRow[]> {
  const isOld = ({ sized_at }: DatabaseRow) => sized_at === null || clock() - Date.parse(sized_at) > SIZE_AGE_MS;
  const sizes: Record<string, number> = {};
  const size = async ({ name }: DatabaseRow) => {
    const asked = registry.get(name)?.system.size();
    const bytes = asked && (await within(probeMs, asked).catch(() => null));
    if (typeof bytes === "number") sizes[name] = bytes;
  };
  await Promise.all(rows.filter(isOld).map(size));
  if (Object.keys(sizes).length > 0) await createAssignments(service).reportSizes(sizes);
  return rows.map((row) => ({ ...row, bytes: sizes[row.name] ?? row.bytes }));
}

/** Some of the books, until the time is over or all have been walked. */
async function walkOn({ service, clock = Date.now, walkMs = 3_000 }: WatchAlertsOptions) {
  const until = clock() + walkMs;
  let rows = 1_000;
  for (;;) {
    const walked: Result<LedgerWatch, RepositoryError> = await callSystem(service, "switchyard_watch_ledger", {
      p_rows: rows,
    });
    const isOver = clock() >= until;
    // more than the limit for statements lets pass
    if (walked.isErr() && walked.error.code === "busy" && rows > 1 && !isOver) rows = Math.ceil(rows / 4);
    else if (walked.isErr() || walked.value.is_whole || isOver) return walked;
  }
}

/** Whatever is due, one after the other. The first that is not taken ends it: the receiver has trouble. */
async function tell(
  { service, log }: WatchAlertsOptions,
  send: SendWebhook,
): Promise<Pick<Watched, "told" | "refused">> {
  for (let told = 0; ; told++) {
    if (told >= MAX_NOTICES) return { told, refused: null };
    const claimed = await callSystem<Notice | null>(service, "switchyard_claim_notice", {
      p_lease_seconds: LEASE_SECONDS,
    });
    if (claimed.isErr()) return { told, refused: claimed.error.message };
    const notice = claimed.value;
    if (!notice) return { told, refused: null };
    const { id, event, at, attempts, alert } = notice;
    const refused = await send(id, { type: `alert.${event}`, timestamp: at, data: alert });
    await callSystem(service, "switchyard_settle_notice", {
      p_id: id,
      p_attempts: attempts,
      p_error: refused ?? null,
    });
    const { kind, subject } = alert;
    if (refused === undefined) log.info("alert_told", { alert: event, kind, subject });
    else {
      log.warn("alert_not_told", { alert: event, kind, subject, attempts, reason: refused });
      return { told, refused };
    }
  }
}
