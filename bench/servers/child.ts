/** A server in a process of its own, so that its work is not the measuring process's. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Child<Ready> {
  readonly ready: Ready;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a file of this folder with these settings; it has sent one message when it is ready. `flags` are Node's. */
export async function startChild<Ready>(
  file: string,
  settings: unknown,
  flags: readonly string[] = [],
): Promise<Child<Ready>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(settings)], {
    execArgv: [...process.execArgv, ...flags],
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.once("message", (message) => resolve(message as Ready));
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code} before it was ready`)));
  });
  return {
    ready,
    process: child,
    async stop() {
      if (child.exitCode !== null) return;
      const gone = once(child, "exit");
      child.disconnect();
      const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await gone;
      clearTimeout(late);
    },
  };
}

/** For the child: its settings, its first message, and what to do when its parent is done or gone. */
export function serveParent<Settings>(
  start: (settings: Settings) => Promise<{ ready: object; stop(): unknown }>,
): void {
  start(JSON.parse(process.argv[2] ?? "{}") as Settings).then(({ ready, stop }) => {
    process.once("disconnect", async () => {
      await stop();
      process.exit(0);
    });
    process.send?.(ready);
  });
}
