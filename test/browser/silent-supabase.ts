/** The development Supabase, stopped where it stands: connections are taken, and nobody answers. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** That of the system in this process. The answer lets it go on. */
export async function silenceSupabase(): Promise<() => void> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,args="]);
  const [pid] = stdout.split("\n").flatMap((line) => {
    const [, child, parent, args] = /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? [];
    return Number(parent) === process.pid && args?.includes("parts/supabase.ts") ? [Number(child)] : [];
  });
  if (pid === undefined) throw new Error("No Supabase runs in a child of this process.");
  process.kill(pid, "SIGSTOP");
  return () => void process.kill(pid, "SIGCONT");
}
