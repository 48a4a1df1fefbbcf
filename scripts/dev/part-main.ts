/**
 * The process of a part (part.ts): loads the module that its argument names, starts it when it is told to, and ends when it
 * is told to or when the process that started it is gone, killed or not.
 */
import { createBirpc } from "birpc";
import { codeOf } from "./error-code.ts";

/** What a module of parts/ exports as `start`. `tell` reaches the system's `hear`. */
export type StartPart<Options, Started> = (
  options: Options,
  tell: (event: unknown) => void,
) => Promise<{
  started: Started;
  calls?: Readonly<Record<string, (...parameters: never[]) => Promise<unknown>>>;
  stop(): Promise<void>;
}>;

export interface PartFailure {
  readonly message: string;
  readonly name?: string;
  readonly code?: string | undefined;
  /** the port, of a `PortTaken` */
  readonly port?: number | undefined;
}

export interface PartCalls {
  start(options: unknown): Promise<{ started: unknown } | { failure: PartFailure }>;
  call(name: string, parameters: readonly unknown[]): Promise<unknown>;
  stop(): void;
}

// Ctrl-C reaches the whole process group; the parent says when to end
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

let part: Awaited<ReturnType<StartPart<unknown, unknown>>> | undefined;
let stopping = false;

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  // whatever is cut off now complains to nobody: not to be answered any more is no fault of its own
  for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
  await part?.stop().catch(() => undefined);
  process.exit(0);
}

for (const event of ["uncaughtException", "unhandledRejection"] as const)
  process.on(event, (error) => {
    if (stopping) return;
    console.error(error);
    process.exit(1);
  });
process.on("disconnect", () => void stop());

const remote = createBirpc<{ tell(event: unknown): void }, PartCalls>(
  {
    async start(options) {
      try {
        const { start } = (await import(process.argv[2] ?? "")) as { start: StartPart<unknown, unknown> };
        part = await start(options, (event) => void remote.tell(event).catch(() => undefined));
        return { started: part.started };
      } catch (error) {
        const { message, name, port } = error as Error & { port?: number };
        return { failure: { message, name, port, code: codeOf(error) } };
      }
    },
    async call(name, parameters) {
      const work = part?.calls?.[name];
      if (!work) throw new Error(`There is no ${name} here.`);
      return work(...(parameters as never[]));
    },
    stop: () => void stop(),
  },
  {
    post: (message) => process.connected && process.send?.(message),
    on: (listener) => process.on("message", listener),
    timeout: -1,
  },
);
