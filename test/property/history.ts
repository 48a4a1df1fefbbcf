/** A history that is driven through several homes at once: every answer of one has to be the answer of all. */
import { expect } from "vitest";
import type { Collection } from "../../shared/definition/define.ts";
import { Living } from "./living.ts";
import type { Operation } from "./operations.ts";
import { type OpenOwner, Side } from "./side.ts";

const WRITES = ["create", "update", "delete"];

export class History {
  readonly #living = new Living();
  readonly #sides: readonly (readonly [string, Side])[];
  /** what all have answered: a call and "ok", or a call and the code of its error */
  readonly outcomes = new Set<string>();
  /** that have been run */
  steps = 0;
  #lastWrite = 0;

  /** `homes`: whose owners make the history, by name. The first one's answers are what the others' are held against. */
  constructor(homes: Readonly<Record<string, OpenOwner>>, collections: readonly Collection[]) {
    this.#sides = Object.entries(homes).map(([name, open]) => [name, new Side(open, this.#living, collections)]);
  }

  /** Runs a step on all sides; throws where their answers differ. */
  async run(operation: Operation): Promise<void> {
    this.steps++;
    const isWrite = WRITES.includes(operation.call);
    if (isWrite) await this.#nextMoment();
    const answers = await Promise.all(
      this.#sides.map(async ([name, side]) => [name, await side.run(operation)] as const),
    );
    if (isWrite) this.#lastWrite = Date.now();
    const step = JSON.stringify(operation);
    const [[first, answer] = ["", undefined], ...others] = answers;
    for (const [name, other] of others)
      expect({ [first]: answer, [name]: other }, step).toEqual({ [first]: answer, [name]: answer });
    expect(answer, `a bug: ${step}`).not.toHaveProperty("thrown");
    // all are there all the time
    expect(answer, step).not.toHaveProperty("error.kind", "unavailable");
    this.outcomes.add(`${operation.call} ${outcomeOf(answer)}`);
    this.#living.follow(operation, answer);
  }

  /** No two writes in one millisecond, on any side: a list by time would put them in the order of their ids. */
  async #nextMoment(): Promise<void> {
    while (Date.now() <= this.#lastWrite + 1) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const outcomeOf = (answer: unknown): string =>
  (answer as { error?: { code: string } } | undefined)?.error?.code ?? "ok";
