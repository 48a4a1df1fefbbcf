/** `npm run switchyard -- <command>`: the operator's command line. */
import { createInterface } from "node:readline/promises";
import { processEnvironment } from "../shared/config.ts";
import { runCommand } from "./commands/index.ts";
import { listenForInterrupts } from "./interrupts.ts";

async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // neither Ctrl-C nor Ctrl-D is a yes; after the second one the question is never answered
    const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
    const answer = await Promise.race([lines.question(question).catch(() => ""), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

process.exitCode = await runCommand(process.argv.slice(2), {
  env: processEnvironment(),
  out: console.log,
  err: console.error,
  ask: process.stdin.isTTY ? ask : undefined,
  isInterrupted: listenForInterrupts(console.error),
  terminal: process.stdout.isTTY ? process.stderr : undefined,
});
