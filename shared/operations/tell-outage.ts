/**
 * Supabase is where alerts are kept and looked for, so of its own outage an instance of the API tells: one that has had no answer
 * of it for `HOLD_MS`, behind the answer to a request, and again when it has answered for `CLEAR_MS`. Nobody agrees with
 * anybody about that: each instance tells for itself, and their ids are the same for outages that they have noticed within the
 * same ten minutes, so that a receiver that drops what it has had hears of one once, or twice. An API that nobody asks anything
 * tells nobody, and an instance that ends before Supabase is back does not tell that.
 */
import type { SendWebhook } from "../http/webhook-sender.ts";
import type { Log } from "../log.ts";

export interface OutageTeller {
  /** Behind an answer. Never waits, and never throws. */
  tick(): void;
}

export interface OutageTellerOptions {
  /** the database as the alert names it */
  subject: string;
  /** whether calls of it are refused at the moment, because it has not answered */
  isAway(): boolean;
  send: SendWebhook;
  log: Log;
  /** milliseconds since 1970 */
  clock: () => number;
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

const HOLD_MS = 60_000;
const CLEAR_MS = 120_000;
const AGAIN_MS = 30_000;
const TOGETHER_MS = 600_000;

interface Outage {
  id: string;
  since: number;
  /** since when it answers again; undefined: it does not */
  clearSince?: number | undefined;
  isTold: boolean;
}

export function createOutageTeller(options: OutageTellerOptions): OutageTeller {
  const { subject, isAway, send, log, clock, waitUntil = () => {} } = options;
  let outage: Outage | undefined;
  let isTelling = false;
  let notBefore = Number.NEGATIVE_INFINITY;

  const tell = async (event: "began" | "ended", { id, since }: Outage, then: () => void) => {
    isTelling = true;
    const now = new Date(clock()).toISOString();
    const refused = await send(`${id}_${event}`, {
      type: `alert.${event}`,
      timestamp: now,
      data: {
        ...{ id, kind: "database_down", subject, detail: "An instance of the API gets no answer of it." },
        ...{ began_at: new Date(since).toISOString(), ended_at: event === "ended" ? now : null },
      },
    });
    isTelling = false;
    notBefore = clock() + AGAIN_MS;
    if (refused === undefined) then();
    else log.warn("alert_not_told", { alert: event, kind: "database_down", subject, reason: refused });
  };

  return {
    tick() {
      const now = clock();
      if (isAway()) {
        outage ??= { id: `outage_${subject}_${Math.floor(now / TOGETHER_MS)}`, since: now, isTold: false };
        outage.clearSince = undefined;
      } else if (outage) outage.clearSince ??= now;
      const current = outage;
      if (!current || isTelling) return;
      const { since, clearSince, isTold } = current;
      // an outage that nobody has been told of, and that is over, is nobody's business any more
      if (clearSince !== undefined && !isTold) outage = undefined;
      else if (now < notBefore) return;
      else if (!isTold && now - since >= HOLD_MS)
        waitUntil(
          tell("began", current, () => {
            current.isTold = true;
            notBefore = Number.NEGATIVE_INFINITY;
          }),
        );
      else if (isTold && clearSince !== undefined && now - clearSince >= CLEAR_MS)
        waitUntil(
          tell("ended", current, () => {
            outage = undefined;
            notBefore = Number.NEGATIVE_INFINITY;
          }),
        );
    },
  };
}
