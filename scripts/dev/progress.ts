/** How far the demo is: a bar on a terminal, a line for each user elsewhere. */
import { Presets, SingleBar } from "cli-progress";
import type { DemoProgress } from "./demo.ts";

export function showProgress(stream: NodeJS.WriteStream, say: (line: string) => void): DemoProgress {
  return stream.isTTY ? bar(stream) : lines(say);
}

function bar(stream: NodeJS.WriteStream): DemoProgress {
  const single = new SingleBar(
    {
      stream,
      format: "  {bar} {percentage}%  {value} of {total}  {of}",
      barsize: 32,
      clearOnComplete: true,
      stopOnComplete: true,
      // Ctrl-C is this system's own to answer
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  return {
    start: (total) => single.start(total, 0, { of: "" }),
    step: (of) => single.increment(1, { of }),
    stop: () => single.stop(),
  };
}

function lines(say: (line: string) => void): DemoProgress {
  let total = 0;
  let done = 0;
  let last = "";
  const tell = () => last && say(`  ${String(Math.floor((100 * done) / total)).padStart(3)}%  ${last}`);
  return {
    start: (all) => {
      total = all;
    },
    step(of) {
      if (of !== last) tell();
      last = of;
      done++;
    },
    stop: () => void tell(),
  };
}
