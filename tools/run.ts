/** `node tools/run.ts TOOL ARGUMENTS...`: runs one of the tools of install.ts where it is called, with its exit code. */
import { spawn } from "node:child_process";
import { installTool, isTool, NotInstalled, toolNames } from "./install.ts";

const [tool = "", ...options] = process.argv.slice(2);
if (!isTool(tool)) {
  console.error(`Name a tool: ${toolNames.join(", ")}.`);
  process.exit(2);
}
try {
  const child = spawn(process.execPath, [await installTool(tool), ...options], { stdio: "inherit" });
  // a terminal sends Ctrl-C to both: the tool decides what it means, and this process ends after it
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.once("error", ({ message }) => {
    console.error(message);
    process.exit(1);
  });
  child.once("close", (code) => process.exit(code ?? 1));
} catch (error) {
  if (!(error instanceof NotInstalled)) throw error;
  console.error(error.message);
  process.exit(1);
}
