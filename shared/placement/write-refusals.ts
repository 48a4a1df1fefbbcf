/**
 * Which databases have refused to be written to, because they are full, or slow their callers down. No ping shows that (a
 * full MongoDB answers as ever), so what users' writes were told is remembered here, shown in health, and reported to the
 * control plane, where new users then get another home. After five minutes it is forgotten, here and there: whoever is told
 * so again says so again, and a database that has room again is back by itself.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Log } from "../log.ts";

const KEPT_MS = 5 * 60_000;
/** As often as the control plane hears of the same. */
const REPORT_MS = 60_000;

export type WriteRefusal = "storage_full" | "throttled";

export interface WriteRefusals {
  /** To be told of every answer of the database of that name. */
  notice(name: string, answer: Result<unknown, RepositoryError>): void;
  /** What it has refused writes with lately. */
  of(name: string): RepositoryError | undefined;
}

export interface WriteRefusalsOptions {
  report: (name: string, state: WriteRefusal) => Promise<Result<unknown, RepositoryError>>;
  /** milliseconds, of any beginning */
  clock: () => number;
  log: Log;
  waitUntil: (work: Promise<unknown>) => void;
}

export const isWriteRefusal = (code: string): code is WriteRefusal => code === "storage_full" || code === "throttled";

export function createWriteRefusals({ report, clock, log, waitUntil }: WriteRefusalsOptions): WriteRefusals {
  const known = new Map<string, { error: RepositoryError; at: number; reportedAt: number }>();
  const send = async (name: string, state: WriteRefusal) => {
    const sent = await report(name, state);
    if (sent.isErr()) log.warn("write_refusal_not_reported", { database: name, reason: sent.error.message });
  };
  return {
    notice(name, answer) {
      if (answer.isOk() || !isWriteRefusal(answer.error.code)) return;
      const { code } = answer.error;
      const at = clock();
      const before = known.get(name);
      const isNews = !before || before.error.code !== code || Math.abs(at - before.reportedAt) > REPORT_MS;
      known.set(name, { error: answer.error, at, reportedAt: isNews ? at : before.reportedAt });
      if (!isNews) return;
      log.warn(code, { database: name, reason: answer.error.message });
      waitUntil(send(name, code).catch((error) => log.error("write_refusal_failed", { error })));
    },
    of(name) {
      const found = known.get(name);
      return found && Math.abs(clock() - found.at) <= KEPT_MS ? found.error : undefined;
    },
  };
}
