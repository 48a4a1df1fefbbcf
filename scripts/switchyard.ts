/** `npm run switchyard -- <command>`: the operator's command line. */
import { processEnvironment } from "../shared/config.ts";
import { runCommand } from "./commands/index.ts";

process.exitCode = await runCommand(process.argv.slice(2), {
  env: processEnvironment(),
  out: console.log,
  err: console.error,
  terminal: process.stdout.isTTY ? process.stderr : undefined,
});
