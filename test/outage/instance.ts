/** An instance of the API: a process of its own, as each serverless function is. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { checkLogLine, keepSecret } from "../setup/leaks.ts";
import type { Holdings } from "./api-process.ts";
import { scaledDeadlines } from "./speed.ts";

export interface Instance {
  readonly url: string;
  /** events of its log so far, in order */
  readonly events: readonly { event: string; database?: string }[];
  holdings(): Promise<Holdings>;
  stop(): Promise<void>;
}

/** Only what a shell gives, and `env`. */
export async function startInstance(env: Readonly<Record<string, string>>): Promise<Instance> {
  const { PATH = "" } = process.env;
  keepSecret(env.SUPABASE_SECRET_KEY, env.SUPABASE_JWT_SECRET);
  const child: ChildProcess = fork(fileURLToPath(new URL("api-process.ts", import.meta.url)), {
    env: { PATH, LOG_LEVEL: "info", RATE_LIMITS: "none", ...scaledDeadlines, ...env },
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const events: { event: string; database?: string }[] = [];
  if (child.stdout)
    createInterface({ input: child.stdout }).on("line", (line) => {
      // never expected, and what explains a 500
      if (line.includes('"level":"error"')) console.error(line);
      checkLogLine(line, "an instance");
      if (line.startsWith("{")) events.push(JSON.parse(line));
    });
  const said = async <T>(): Promise<T> => (await once(child, "message"))[0] as T;
  const { port } = await said<{ port: number }>();
  return {
    url: `http://127.0.0.1:${port}`,
    events,
    async holdings() {
      const answer = said<Holdings>();
      child.send("holdings");
      return answer;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
