/** `npm start` as a child of a test, with ports and a folder of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { checkOutput } from "../setup/leaks.ts";

export interface Started {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves once the output holds `text`; rejects when the system ends before. */
  said(text: string): Promise<void>;
  /** Resolves with the exit code. */
  ended: Promise<number | null>;
  /** To the whole process group, as a terminal does. */
  signal(signal: NodeJS.Signals): void;
}

/** Only what a shell gives, and `env`: nothing of the test run's own. */
export function npm(script: "start" | "reset", env: Record<string, string>, cwd = process.cwd()): Started {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  const child = spawn("npm", ["run", "--silent", script], {
    env: { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    cwd,
  });
  let output = "";
  const listeners = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    output += chunk;
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  child.once("close", () => checkOutput(output, `npm run ${script}`));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    child,
    output: () => output,
    ended,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!output.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then((code) => reject(new Error(`ended with ${code} before saying "${text}":\n${output}`)));
      }),
    signal: (signal) => process.kill(-(child.pid ?? 0), signal),
  };
}

/**
 * Whether anything of what the child started is still there. A process that has ended but that nobody has waited for is
 * gone: where the first process of a container reaps no orphans, such ones stay in the table, and signal 0 finds them.
 */
export function groupLives({ child }: Started): boolean {
  const group = child.pid ?? 0;
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const table = execFileSync("ps", ["-A", "-o", "pgid=,stat="], { encoding: "utf8" });
  return table.split("\n").some((line) => {
    const [pgid, state = ""] = line.trim().split(/\s+/);
    return Number(pgid) === group && !state.startsWith("Z");
  });
}

/** Below those that the system gives to outgoing connections: one of these cannot take a port before it is used. */
const [LOWEST, HIGHEST] = [15_000, 32_000];

export async function freePorts(count: number): Promise<number[]> {
  const free = new Set<number>();
  while (free.size < count) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    free.add(port);
  }
  return [...free];
}
