/** Something that is done again and again while the development system runs. */
import { pause } from "./pause.ts";

export interface LoopOptions {
  /** A round begins only after the last one has ended. Rejects for trouble that may pass: it is done again. */
  readonly round: (signal: AbortSignal) => Promise<void>;
  /** Between the end of a round and the next one. */
  readonly everyMs: number;
  /** Told of trouble once for each kind, not with every round. */
  readonly trouble: (message: string) => void;
}

export function startLoop({ round, everyMs, trouble }: LoopOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let said = "";
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await round(stopping.signal).then(
        () => {
          said = "";
        },
        (error: Error) => {
          if (!stopping.signal.aborted && said !== error.message) trouble(error.message);
          said = error.message;
        },
      );
      await pause(everyMs, stopping.signal);
    }
  };
  const ended = loop();
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
