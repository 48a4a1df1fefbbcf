/** `npm start`: the whole system on this machine, with nothing else installed. Ctrl-C ends it. */
import { ConfigError, loadDevConfig, processEnvironment } from "../shared/config.ts";
import { FolderRefused } from "./dev/data-folder.ts";
import { watchNpm } from "./dev/npm-watch.ts";
import { PartFailed } from "./dev/part.ts";
import { showProgress } from "./dev/progress.ts";
import { StartRefused } from "./dev/start-refused.ts";
import { startSystem } from "./dev/system.ts";

/** Within 5 s everything has ended, whatever hangs: what the parts keep survives that they are killed. */
const STOP_MS = 4_000;
const cancelled = new AbortController();
let stop: (() => Promise<void>) | undefined;
let stopping = false;

async function end(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  cancelled.abort();
  setTimeout(() => process.exit(code), STOP_MS).unref();
  await stop?.().catch((error) => console.error(error));
  process.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    if (!stopping) console.log("\nStopping.");
    void end(0);
  });
// what was under way when everything was told to stop has failed for no fault of its own
for (const event of ["uncaughtException", "unhandledRejection"] as const)
  process.on(event, (error) => {
    if (stopping) return;
    console.error(error);
    void end(1);
  });

const env = processEnvironment();
if (env.npm_lifecycle_event) watchNpm(() => void end(0));

const say = (line: string) => {
  if (!stopping) console.log(line);
};

try {
  const system = startSystem(loadDevConfig(env), {
    say,
    cancel: cancelled.signal,
    progress: showProgress(process.stdout, say),
  });
  stop = async () => (await system.catch(() => undefined))?.stop();
  await system;
} catch (error) {
  if (!stopping) {
    if (error instanceof ConfigError) for (const problem of error.problems) console.error(problem);
    else if (error instanceof FolderRefused || error instanceof StartRefused || error instanceof PartFailed)
      console.error(error.message);
    else console.error(error);
    stop = undefined;
    await end(1);
  }
}
