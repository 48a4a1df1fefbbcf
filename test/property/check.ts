/** Random histories, run one after the other until one has answers that differ, which is cut down to the steps that matter. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Collection } from "../../shared/definition/define.ts";
import { replay } from "../setup/histories.ts";
import type { History } from "./history.ts";
import { type Operation, operations } from "./operations.ts";
import { report } from "./report.ts";

const MAX_STEPS = 500;
/** Steps are left out for so many runs; then the history is printed as it is. */
const MAX_SHRINKS = 400;

export interface Checked {
  collections: readonly Collection[];
  /** a history of owners who have nothing yet */
  begin: () => Promise<History>;
  histories: number;
  /** no further history is begun after so many steps */
  steps?: number;
}

export interface Run {
  histories: number;
  /** what was answered in all of them: a call and "ok", or a call and the code of its error */
  outcomes: string[];
}

export async function checkHistories({ collections, begin, ...limits }: Checked): Promise<Run> {
  const { histories, steps: enough = Number.POSITIVE_INFINITY } = limits;
  const { seed, path, replayPath } = replay();
  const steps = fc.commands([operations(collections).map((operation) => new Step(operation))], {
    maxCommands: MAX_STEPS,
    size: "max",
    ...(replayPath === undefined ? {} : { replayPath }),
  });
  const reached = new Set<string>();
  let [failing, shrinks, done] = [false, 0, 0];
  const property = fc.asyncProperty(steps, async (commands) => {
    if (done >= enough && !failing) return;
    // to the shrinker, what is not tried any more is a history that passes
    if (failing && ++shrinks > MAX_SHRINKS) return;
    const history = await begin();
    await fc
      .asyncModelRun(() => ({ model: {}, real: history }), commands)
      .catch((error) => {
        failing = true;
        throw error;
      });
    done += history.steps;
    for (const outcome of history.outcomes) reached.add(outcome);
  });
  const numRuns = path === undefined ? histories : 1;
  const details = await fc.check(property, {
    numRuns,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path }),
  });
  if (details.failed) expect.fail(report(details));
  expect(details.numRuns).toBe(numRuns);
  return { histories: details.numRuns, outcomes: [...reached] };
}

class Step implements fc.AsyncCommand<object, History> {
  readonly operation: Operation;
  constructor(operation: Operation) {
    this.operation = operation;
  }
  check() {
    return true;
  }
  run(_: object, history: History) {
    return history.run(this.operation);
  }
  toString() {
    return `\n  ${fc.stringify(this.operation)}`;
  }
}
