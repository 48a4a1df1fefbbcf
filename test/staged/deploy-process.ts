/** The command line in a process of its own, which can be killed; other commands than deployments' are told by the world. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../scripts/commands/index.ts";
import { listenForInterrupts } from "../../scripts/interrupts.ts";
import { processEnvironment } from "../../shared/config.ts";

const env = processEnvironment();
const folder = env.STAND_IN_WORLD ?? "";

process.exitCode = await runCommand(process.argv.slice(2), {
  env,
  out: console.log,
  err: console.error,
  isInterrupted: listenForInterrupts(console.error),
  async call(words) {
    const name = `switchyard ${words.join(" ")}`;
    appendFileSync(join(folder, "calls.txt"), `${name}\n`);
    const { at, how } = JSON.parse(readFileSync(join(folder, "behaviour.json"), "utf8"));
    if (at !== name) return 0;
    if (how === "fail") return 1;
    writeFileSync(join(folder, "behaviour.json"), "{}");
    process.kill(process.pid, "SIGKILL");
    return 1;
  },
});
