/** Ctrl-C, as a long command meets it: it ends after the steps under way, and at the second one at once. */

/**
 * A question to be asked between steps: whether somebody has pressed Ctrl-C. It listens from the first time it is asked: until
 * then there is no step to end after, and the process ends as any other does.
 */
export function listenForInterrupts(say: (line: string) => void): () => boolean {
  let interrupted: boolean | undefined;
  return () => {
    if (interrupted === undefined) {
      interrupted = false;
      // the second one ends the process: whoever presses twice means it
      process.once("SIGINT", () => {
        interrupted = true;
        say("Ending after the steps under way; again: at once.");
      });
    }
    return interrupted;
  };
}
