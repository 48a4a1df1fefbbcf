/** Which backups stay: the newest of each of the last days, weeks and months, and whatever those cannot be without. */
import type { Manifest } from "./manifest.ts";

export interface Retention {
  daily: number;
  weekly: number;
  monthly: number;
}
export const RETENTION: Retention = { daily: 7, weekly: 4, monthly: 12 };

export interface Kept {
  manifest: Manifest;
  /** somebody has read it whole, and found nothing wrong */
  isVerified: boolean;
}

/**
 * Why each that stays does, by id; in any order. Days, weeks (from Monday) and months are those of UTC, and those that have a
 * backup count. Backups of one user or of some collections are counted by themselves, each kind.
 */
export function stays(backups: readonly Kept[], retention: Retention): Map<string, string> {
  const reasons = new Map<string, string>();
  const keep = (id: string, reason: string) => reasons.set(id, reasons.get(id) ?? reason);
  const newestFirst = [...backups].sort((a, b) => (a.manifest.began_at < b.manifest.began_at ? 1 : -1));
  const kinds = Map.groupBy(newestFirst, ({ manifest }) => JSON.stringify(manifest.only));
  for (const kind of kinds.values()) {
    const fulls = kind.filter(({ manifest }) => manifest.kind === "full");
    const last = fulls.find(({ isVerified }) => isVerified);
    if (last) keep(last.manifest.id, "the last full one that was verified");
    // nothing is known to be whole: the newest is the best there is
    else if (fulls[0]) keep(fulls[0].manifest.id, "the last full one, and none was verified");
    for (const [period, periodOf] of PERIODS) {
      const newest = new Map<string, string>();
      for (const { manifest } of kind) {
        const name = periodOf(manifest.began_at);
        if (!newest.has(name)) newest.set(name, manifest.id);
      }
      for (const [name, id] of [...newest].slice(0, retention[period])) keep(id, `${period}: ${name}`);
    }
  }
  const byId = new Map(backups.map(({ manifest }) => [manifest.id, manifest]));
  for (const id of [...reasons.keys()])
    for (let parent = byId.get(id)?.parent; parent; parent = byId.get(parent)?.parent)
      keep(parent, `${id} goes on from it`);
  return reasons;
}

const PERIODS: readonly (readonly [keyof Retention, (at: string) => string])[] = [
  ["daily", (at) => at.slice(0, 10)],
  ["weekly", (at) => mondayOf(at)],
  ["monthly", (at) => at.slice(0, 7)],
];

/** The day on which the week began. */
function mondayOf(at: string): string {
  const day = new Date(`${at.slice(0, 10)}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  return day.toISOString().slice(0, 10);
}
