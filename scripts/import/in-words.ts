/** Runs, and what was found, as lines. */
import { type FoundReason, findingInWords } from "../../shared/imports/findings.ts";
import type { ListedRun } from "../../shared/imports/journal.ts";
import type { Totals } from "../../shared/imports/totals.ts";

/** `expenses: 1,200 (EUR 5400.20, USD 12.00)` */
export function totalsInWords(totals: Totals): string[] {
  return [...totals].map(([name, { count, sums }]) => {
    const amounts = Object.entries(sums).map(([currency, sum]) => `${currency} ${sum}`);
    return `${name}: ${count}${amounts.length > 0 ? ` (${amounts.sort().join(", ")})` : ""}`;
  });
}

export function findingsInWords(found: readonly FoundReason[]): string[] {
  const [inTheWay, notes] = [found.filter(({ isNote }) => !isNote), found.filter(({ isNote }) => isNote)];
  return [
    ...(inTheWay.length > 0 ? ["What does not fit:", ...inTheWay.map((each) => `  ${findingInWords(each)}`)] : []),
    ...(notes.length > 0 ? ["To be known:", ...notes.map((each) => `  ${findingInWords(each)}`)] : []),
  ];
}

export function runInWords({ state, users, is_held, elsewhere }: ListedRun): string {
  const counts = (Object.entries(users) as [string, number][]).map(([each, count]) => `${count} ${each}`);
  const stands = {
    running: is_held ? "under way" : "not finished",
    done: "done",
    undoing: is_held ? "being undone" : "half undone",
    undone: "undone",
  };
  const moved = elsewhere > 0 ? `, ${elsewhere} not at home there any more` : "";
  return `${stands[state]}${counts.length > 0 ? `: ${counts.join(", ")}` : ""}${moved}`;
}
