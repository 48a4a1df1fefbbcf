/**
 * A part of the development system in a process of its own, so that what it computes (PGlite compiles for seconds on a slow
 * machine) stops nobody else, and so that it can be ended at any moment: a thread that is inside WebAssembly cannot.
 *
 * It is starting, running, down or stopping. A part that ends by itself while it runs is down and is started again, with
 * what it needs to be found where it was (`again`); calls to it fail meanwhile. One that ends while it starts has failed.
 * Parts survive SIGKILL: what they keep is written so that the next start goes on.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type BirpcReturn, createBirpc } from "birpc";
import { processEnvironment } from "../../shared/config.ts";
import type { PartCalls, PartFailure } from "./part-main.ts";

const MAIN = fileURLToPath(new URL("./part-main.ts", import.meta.url));
/** Ctrl-C ends everything within 5 s, whatever a part is doing. */
const STOP_MS = 2_000;
const FIRST_RESTART_MS = 250;
const MAX_RESTART_MS = 5_000;

/** Why a part did not start; `code` is that of the error, or of what caused it. */
export class PartFailed extends Error {
  override readonly name = "PartFailed";
  readonly failure: PartFailure;
  constructor(failure: PartFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export interface PartOptions<Options, Started> {
  /** For messages, such as "The embedded Postgres". */
  readonly title: string;
  /** A module of parts/, which exports `start`. */
  readonly module: URL;
  readonly options: Options;
  /** What a part that has ended is started with. */
  readonly again: (options: Options, started: Started) => Options;
  readonly say: (line: string) => void;
  /** Told what the part tells. */
  readonly hear?: (event: unknown) => void;
}

type Remote = BirpcReturn<PartCalls, Record<string, never>>;

interface Process {
  readonly child: ChildProcess;
  readonly remote: Remote;
  readonly ended: Promise<string>;
}

/** One part; nothing runs before `start`. */
export class Part<Options, Started> {
  readonly #about: PartOptions<Options, Started>;
  #process: Process | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopping = false;

  constructor(about: PartOptions<Options, Started>) {
    this.#about = about;
  }

  /** Starts it, once more after a failure. Throws `PartFailed`. */
  async start(): Promise<Started> {
    const started = await this.#run(this.#about.options);
    this.#watch(started);
    return started;
  }

  /** Calls what the part offers beside starting and stopping. */
  call<T>(name: string, ...parameters: unknown[]): Promise<T> {
    if (!this.#process) return Promise.reject(new Error(`${this.#about.title} does not run just now.`));
    return this.#process.remote.call(name, parameters) as Promise<T>;
  }

  /** Ends it: by its own stop, or, where that takes too long, by force. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const running = this.#process;
    if (!running) return;
    const late = setTimeout(() => running.child.kill("SIGKILL"), STOP_MS);
    running.remote.stop().catch(() => undefined);
    await running.ended;
    clearTimeout(late);
  }

  /** At once, for when there is no time to wait for anything. */
  kill(): void {
    this.#stopping = true;
    this.#process?.child.kill("SIGKILL");
  }

  async #run(options: Options): Promise<Started> {
    const running = this.#spawn();
    this.#process = running;
    const outcome = await Promise.race([
      running.remote.start(options),
      running.ended.then((how) => ({ failure: { message: `${this.#about.title} has ended (${how})` } })),
    ]);
    if (!("failure" in outcome)) return outcome.started as Started;
    if (this.#process === running) this.#process = undefined;
    running.child.kill("SIGKILL");
    await running.ended;
    throw new PartFailed(outcome.failure);
  }

  #spawn(): Process {
    const child = fork(MAIN, [this.#about.module.href], {
      serialization: "advanced",
      env: { ...processEnvironment() },
      execArgv: [],
    });
    const remote: Remote = createBirpc<PartCalls, { tell(event: unknown): void }>(
      { tell: (event) => this.#about.hear?.(event) },
      {
        post: (message) => child.connected && child.send(message, () => undefined),
        on: (listener) => child.on("message", listener),
        // a first start takes as long as the machine needs; a process that ends rejects what waits for it
        timeout: -1,
      },
    ) as never;
    const ended = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void ended.then(() => remote.$close());
    return { child, remote, ended };
  }

  #watch(started: Started): void {
    const running = this.#process;
    void running?.ended.then((how) => {
      if (this.#process === running) this.#process = undefined;
      if (!this.#stopping) this.#startAgain(started, `has ended (${how})`);
    });
  }

  #startAgain(last: Started, why: string): void {
    const { title, say, again, options } = this.#about;
    const delay = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failures++);
    say(`${title} ${why}; it starts again.`);
    this.#restart = setTimeout(() => {
      this.#run(again(options, last)).then(
        (started) => {
          this.#failures = 0;
          if (!this.#stopping) this.#watch(started);
        },
        (error: Error) => !this.#stopping && this.#startAgain(last, `cannot start: ${error.message}`),
      );
    }, delay);
  }
}
