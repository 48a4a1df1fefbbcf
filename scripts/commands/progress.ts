/** How far work has come that takes long: a bar on a terminal, lines elsewhere; so many of so many, how fast, what is left. */
import { Presets, SingleBar } from "cli-progress";
import type { Io } from "./command.ts";
import { createRate } from "./rate.ts";

export interface Progress {
  /** `name`: what is worked through, as it is shown */
  at(name: string, done: number, total: number): void;
  /** something that is not a number of rows */
  say(line: string): void;
  /** leaves the terminal as a line begins */
  end(): void;
}

export function createProgress({ out, terminal }: Pick<Io, "out" | "terminal">): Progress {
  const rate = createRate();
  if (!terminal)
    return { at: (name, done, total) => out(`${name}: ${rate(name, done, total)}`), say: out, end: () => {} };
  let shown: { name: string; bar: SingleBar } | undefined;
  const end = () => {
    shown?.bar.stop();
    shown = undefined;
  };
  const barFor = (name: string, done: number, total: number): SingleBar => {
    if (shown?.name === name) return shown.bar;
    end();
    // Ctrl-C ends the command, which may be begun again
    const options = { stream: terminal, format: "{name} {bar} {text}", barsize: 32, gracefulExit: false };
    const bar = new SingleBar(options, Presets.shades_classic);
    bar.start(total, done, { name, text: "" });
    shown = { name, bar };
    return bar;
  };
  return {
    at(name, done, total) {
      const bar = barFor(name, done, total);
      // live writes go on: there may be more of them by now
      bar.setTotal(Math.max(done, total));
      bar.update(done, { name, text: rate(name, done, total) });
    },
    say(line) {
      end();
      out(line);
    },
    end,
  };
}
