/** Notices that npm was killed hard: it passes nothing on then, and its shell keeps us as if nothing had happened. */
import { execFileSync } from "node:child_process";

const EVERY_MS = 500;
const GENERATIONS = 3;

/** Calls `gone` when the npm that started this process no longer runs. Does nothing where there is none. */
export function watchNpm(gone: () => void): void {
  const npm = npmAbove(process.ppid);
  if (!npm) return;
  const timer = setInterval(() => {
    if (isAlive(npm)) return;
    clearInterval(timer);
    gone();
  }, EVERY_MS).unref();
}

function npmAbove(start: number): number | undefined {
  let pid = start;
  for (let generation = 0; generation < GENERATIONS && pid > 1; generation++) {
    let line: string;
    try {
      line = execFileSync("ps", ["-o", "ppid=,args=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" });
    } catch {
      return undefined; // no ps here (Windows, bare containers): Ctrl-C still works
    }
    const [, parent, args = ""] = /^\s*(\d+)\s+(.*)/.exec(line) ?? [];
    if (/(^|[\s/])npm(-cli\.js)?\b/.test(args)) return pid;
    pid = Number(parent);
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
