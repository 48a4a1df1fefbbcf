/** Processes that move users, and are ended or frozen where a test wants it; another one takes the place of each. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { MOVE_POINTS } from "../../shared/moves/run.ts";

export type MovePoint = (typeof MOVE_POINTS)[number];

/** What happens to the first process that comes to that point of a user's move, before it does anything more. */
export interface Interruption {
  point: MovePoint;
  signal: "SIGKILL" | "SIGSTOP";
  /** SIGSTOP: woken when another process has come to that point, which goes on when the woken one has ended its step */
  wokenAt: MovePoint;
  /** when it has just happened */
  afterwards?(): Promise<unknown>;
}

interface WorkersOptions {
  env: Readonly<Record<string, string>>;
  leaseSeconds: number;
  pauseMs: number;
  /** processes that work at a time */
  count: number;
  /** by user */
  interruptions: ReadonlyMap<string, Interruption>;
}

export interface Workers {
  /** users whose move was interrupted where it was to be; of whom was frozen, woken again */
  readonly interrupted: ReadonlySet<string>;
  /** what made moves wait, and processes that ended by themselves */
  readonly notes: readonly string[];
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL("moving-process.ts", import.meta.url));

export function startWorkers({ env, leaseSeconds, pauseMs, count, interruptions }: WorkersOptions): Workers {
  const interrupted = new Set<string>();
  const begun = new Set<string>();
  const notes: string[] = [];
  const frozen = new Map<string, ChildProcess>();
  const living = new Map<ChildProcess, Promise<unknown>>();
  let isOver = false;

  function work(): void {
    if (isOver) return;
    const child = fork(PROGRAM, [String(leaseSeconds), String(pauseMs)], {
      env: { PATH: process.env.PATH, ...env } as NodeJS.ProcessEnv,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    let isFrozen = false;
    const tell = (word: string) => child.connected && child.send(word, () => undefined);
    const ended = new Promise<void>((resolve) =>
      child.on("exit", (code, signal) => {
        living.delete(child);
        if (code !== 0 && signal !== "SIGKILL") notes.push(`a process ended: ${code ?? signal}`);
        if (!isFrozen) work();
        resolve();
      }),
    );
    living.set(child, ended);
    child.on("message", (said: { userId?: string; point?: MovePoint }) => {
      const { userId, point } = said;
      if (userId === undefined) return notes.push(JSON.stringify(said));
      const wanted = interruptions.get(userId);
      if (wanted && wanted.point === point && !begun.has(userId)) interrupt(userId, wanted);
      else void meet(userId, point).then(() => tell(isFrozen ? "end" : "on"));
    });

    function interrupt(user: string, { signal, afterwards }: Interruption): void {
      begun.add(user);
      child.kill(signal);
      if (signal === "SIGSTOP") {
        isFrozen = true;
        frozen.set(user, child);
        work();
      } else interrupted.add(user);
      void afterwards?.();
    }
  }

  /** Whoever was frozen with that user's move makes its step to the end, if this is the point for it. */
  async function meet(userId: string, point: MovePoint | undefined): Promise<void> {
    const child = frozen.get(userId);
    if (!child || interruptions.get(userId)?.wokenAt !== point) return;
    frozen.delete(userId);
    child.kill("SIGCONT");
    child.send("end");
    await living.get(child);
    interrupted.add(userId);
  }
  for (let started = 0; started < count; started++) work();

  return {
    interrupted,
    notes,
    async stop() {
      isOver = true;
      const all = [...living];
      for (const [child] of all) child.kill("SIGKILL");
      await Promise.all(all.map(([, ended]) => ended));
    },
  };
}
