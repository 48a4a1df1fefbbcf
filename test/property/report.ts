/** What is printed of a history whose answers differ: the steps that matter, the difference, and how to see it again. */
import fc from "fast-check";

/** As much of fast-check's details as is told. */
interface Failure {
  seed: number;
  counterexample: unknown;
  counterexamplePath: string | null;
  numShrinks: number;
  errorInstance: unknown;
}

export function report({ seed, counterexample, counterexamplePath, numShrinks, errorInstance }: Failure): string {
  const steps = fc.stringify(counterexample);
  const replayPath = /replayPath="([^"]*)"/.exec(steps)?.[1];
  const path = [counterexamplePath, replayPath].filter(Boolean).join("@");
  return [
    `The databases differ (after ${numShrinks} cuts the history is): ${steps}`,
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
    difference(errorInstance),
    `See it again:     SWITCHYARD_SEED=${seed} SWITCHYARD_PATH='${path}'`,
    `Begin once more:  SWITCHYARD_SEED=${seed} SWITCHYARD_PATH=${counterexamplePath?.split(":")[0]}`,
  ].join("\n");
}

/** Both answers of a failed comparison. */
function difference(error: unknown): string {
  if (!(error instanceof Error) || !("actual" in error)) return error instanceof Error ? (error.stack ?? "") : "";
  return JSON.stringify(error.actual, null, 1);
}
