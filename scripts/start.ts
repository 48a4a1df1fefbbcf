/** `npm start`: the whole system on this machine, with nothing else installed. Ctrl-C ends it. */
import { ConfigError, loadDevConfig, processEnvironment } from "../shared/config.ts";
import { FolderRefused } from "./dev/data-folder.ts";
import { watchNpm } from "./dev/npm-watch.ts";
import { StartRefused, startSystem } from "./dev/system.ts";

const STOP_MS = 6_000;
const started = new AbortController();
let stop: (() => Promise<void>) | undefined;
let stopping = false;

async function end(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  started.abort();
  // whatever hangs: the edge functions end by themselves once this process is gone
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await stop?.().catch((error) => console.error(error));
  process.exit(code);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    console.log("\nStopping.");
    void end(0);
  });

const env = processEnvironment();
if (env.npm_lifecycle_event) watchNpm(() => void end(0));

try {
  const system = startSystem(loadDevConfig(env), console.log, started.signal);
  stop = async () => (await system.catch(() => undefined))?.stop();
  await system;
} catch (error) {
  if (!stopping) {
    if (error instanceof ConfigError) for (const problem of error.problems) console.error(problem);
    else if (error instanceof FolderRefused || error instanceof StartRefused) console.error(error.message);
    else console.error(error);
    stop = undefined;
    await end(1);
  }
}
