/** The command lines of Supabase and Vercel: run with the environment's variables, their words shown without its secrets. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../shared/config.ts";
import { Refused } from "../commands/command.ts";

type Tool = "supabase" | "vercel";

export interface CliOptions {
  root: string;
  env: Environment;
  /** how long one call may take */
  stepMs: number;
  /** a line of the tool's, without secrets */
  onLine: (line: string) => void;
  redact: (text: string) => string;
}
/** Runs the tool, and resolves with what it wrote to its standard output. Throws `Refused`. */
export type Cli = (tool: Tool, words: readonly string[]) => Promise<string>;

const RUN = fileURLToPath(new URL("../../tools/run.ts", import.meta.url));
const KILL_AFTER_MS = 5_000;

export function createCli({ root, env, stepMs, onLine, redact }: CliOptions): Cli {
  return (tool, words) => {
    const shown = redact(`${tool} ${words.join(" ")}`);
    return new Promise((resolve, reject) => {
      const own = env[tool === "vercel" ? "DEPLOY_VERCEL" : "DEPLOY_SUPABASE"];
      const program = own ? [own] : [RUN, tool];
      const child = spawn(process.execPath, [...program, ...words], {
        cwd: root,
        env: { ...env, VERCEL_TELEMETRY_DISABLED: "1", SUPABASE_TELEMETRY_DISABLED: "1" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const out: string[] = [];
      createInterface({ input: child.stdout }).on("line", (line) => {
        out.push(line);
        onLine(redact(line));
      });
      createInterface({ input: child.stderr }).on("line", (line) => onLine(redact(line)));
      const timer = setTimeout(() => {
        child.kill("SIGTERM");
        const last = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
        // its own children may hold its output open: who has ended is not waited for
        child.once("exit", () => {
          clearTimeout(last);
          child.stdout.destroy();
          child.stderr.destroy();
          reject(new Refused(`${shown} did not end within ${stepMs / 1_000} s, and was ended.`));
        });
      }, stepMs);
      child.once("error", (error) => {
        clearTimeout(timer);
        reject(new Refused(`${shown} could not be run: ${error.message}`));
      });
      child.once("close", (code, signal) => {
        clearTimeout(timer);
        if (code === 0) resolve(out.join("\n"));
        else reject(new Refused(`${shown} failed (${signal ?? `exit code ${code}`}); its words are above.`));
      });
    });
  };
}
