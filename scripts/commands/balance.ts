/** What `homes move --balance` is about to do, in words, and whether that is wanted. */

import { createLoadsControl } from "../../shared/moves/loads.ts";
import { type MeasuredPlan, measureAndPlan } from "../../shared/operations/plan-balance.ts";
import { inMegabytes } from "../../shared/values/bytes.ts";
import { type Io, orRefuse, Refused, table } from "./command.ts";
import type { Connection } from "./connect.ts";

/** Measures and plans; says how far it has come, where there is somebody to read it. */
export async function planned(
  { registry, service, assignments, deadlines }: Connection,
  { limit, say, isOver }: { limit?: number | undefined; say: (line: string) => void; isOver: () => boolean },
): Promise<MeasuredPlan> {
  const onProgress = (home: string, measured: number) => say(`${home}: ${measured} users measured.`);
  const loads = createLoadsControl(service);
  const callMs = deadlines.exportMs;
  return orRefuse(await measureAndPlan({ loads, assignments, registry, callMs, limit, onProgress, isOver }));
}

export function planInWords(plan: MeasuredPlan): string {
  const { homes, moves, balances, measured, users, measured_since, failed } = plan;
  const ways = new Map<string, { from: string; to: string; users: number; records: number; bytes: number }>();
  for (const { from, to, records, bytes } of moves) {
    const way = ways.get(`${from} ${to}`) ?? { from, to, users: 0, records: 0, bytes: 0 };
    ways.set(`${from} ${to}`, {
      ...way,
      users: way.users + 1,
      records: way.records + records,
      bytes: way.bytes + bytes,
    });
  }
  const lines = [
    table(
      ["home", "users", "size", "share", "should be", ""],
      homes.map(({ name, users: before, users_after, bytes, bytes_after, share, share_after, ideal, refuses }) => [
        name,
        change(String(before), String(users_after)),
        change(inMegabytes(bytes), inMegabytes(bytes_after)),
        change(percent(share), percent(share_after)),
        percent(ideal),
        refuses === null ? "" : `gets nobody: ${refuses}`,
      ]),
    ),
    "",
    measured === users
      ? `All ${users} users are measured, the first one at ${measured_since ?? "no time"}.`
      : `${measured} of ${users} users are measured; the others count as average ones.`,
    ...Object.entries(failed).map(([name, why]) => `${name} takes no part: ${why}`),
  ];
  if (moves.length > 0)
    lines.push(
      "",
      table(
        ["from", "to", "users", "records", "size"],
        [...ways.values()].map((way) => [
          ...[way.from, way.to, String(way.users), String(Math.round(way.records)), inMegabytes(way.bytes)],
        ]),
      ),
    );
  if (balances)
    lines.push("", moves.length === 0 ? "The homes are balanced: nobody is to be moved." : "Then they are balanced.");
  else
    lines.push(
      "",
      moves.length === 0
        ? "The homes are not balanced, and nobody can be moved so that they are more so."
        : "Then they are more balanced than now, and not wholly.",
    );
  return lines.join("\n");
}

/** Nothing happens unless somebody has said yes. Throws `Refused`. */
export async function confirmed(users: number, isYes: boolean, { ask }: Io): Promise<void> {
  if (isYes) return;
  if (!ask) throw new Refused("Nobody is here to be asked: look at the plan with --dry-run, and do it with --yes.");
  if (!(await ask(`Move ${users} users? [y/N] `))) throw new Refused("Nobody was moved.");
}

const change = (before: string, after: string) => (before === after ? before : `${before} -> ${after}`);
const percent = (share: number) => `${Math.round(share * 1_000) / 10} %`;
