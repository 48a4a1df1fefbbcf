/** The demo of a data folder: run until it has succeeded once, over as many starts as that takes. */
import type { DataFolder } from "./data-folder.ts";
import { type DemoOptions, type DemoUser, runDemo } from "./demo.ts";

/** On an ordinary machine; on a slow one as much longer. */
const PATIENCE_MS = 60_000;

export interface DemoOnceOptions extends Omit<DemoOptions, "today" | "patienceMs"> {
  readonly folder: DataFolder;
  readonly slowness: number;
  readonly say: (line: string) => void;
}

export function isDemoDone(folder: DataFolder): boolean {
  const known = folder.demo();
  return known !== undefined && known.done !== false;
}

/** Runs it unless it has been done, and says who lives where or what is missing. Rejects only when it is cancelled. */
export async function demoOnce({ folder, slowness, say, ...options }: DemoOnceOptions): Promise<void> {
  if (isDemoDone(folder)) return;
  const before = folder.demo();
  const day = before?.day ?? new Date().toISOString().slice(0, 10);
  await folder.recordDemo({ day, done: false });
  say(
    before
      ? "\nThe demo goes on where it was."
      : "\nFirst start: demo users sign up and file a few hundred records each.",
  );
  const { users, missing } = await runDemo({
    ...options,
    today: new Date(`${day}T12:00:00Z`),
    patienceMs: PATIENCE_MS * slowness,
  });
  say("");
  for (const line of table(users)) say(`  ${line}`);
  if (missing.length === 0) return folder.recordDemo({ day, done: true });
  say("\nThe demo is not complete; the next start goes on with it.");
  for (const sentence of missing) say(`  ${sentence}`);
}

function table(users: readonly DemoUser[]): string[] {
  const rows = [["user", "home", "records"], ...users.map((each) => [each.user, each.home, String(each.records)])];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 2 ? cell.padStart(widths[2] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  "),
  );
}
