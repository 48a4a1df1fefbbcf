/** What the benchmark prints: a figure, its bar, and whether it was met. */

export interface Lines {
  /** a figure that has no bar */
  say(text: string): void;
  /** `figure` has to be at most `bar` */
  atMost(what: string, figure: number, bar: number, unit: Unit, detail?: string): void;
  atLeast(what: string, figure: number, bar: number, unit: Unit, detail?: string): void;
  holds(what: string, detail: string, isMet: boolean): void;
}

type Unit = "x" | " ms" | " MB";

export function lines(part: string, write: (line: string) => void): Lines {
  const verdict = (isMet: boolean) => (isMet ? "met" : "missed");
  const shown = (figure: number, unit: Unit) => `${figure.toFixed(unit === "x" ? 2 : 1)}${unit}`;
  const print = (what: string, figure: string, bar: string, detail: string, isMet: boolean) =>
    write(`(${part}) ${what}: ${figure}${detail && ` [${detail}]`}, bar ${bar}: ${verdict(isMet)}`);
  return {
    say: (text) => write(`(${part}) ${text}`),
    atMost: (what, figure, bar, unit, detail = "") =>
      print(what, shown(figure, unit), `<= ${bar}${unit}`, detail, figure <= bar),
    atLeast: (what, figure, bar, unit, detail = "") =>
      print(what, shown(figure, unit), `>= ${bar}${unit}`, detail, figure >= bar),
    holds: (what, detail, isMet) => write(`(${part}) ${what}: ${detail}: ${verdict(isMet)}`),
  };
}

export const ms = (value: number): string => `${value.toFixed(2)} ms`;
