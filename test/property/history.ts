/** A history that is driven through both databases at once: every answer of one has to be the answer of the other. */
import { expect } from "vitest";
import type { Collection } from "../../shared/definition/define.ts";
import { Living } from "./living.ts";
import type { Operation } from "./operations.ts";
import { type OpenOwner, Side } from "./side.ts";

const WRITES = ["create", "update", "delete"];

export class History {
  readonly #living = new Living();
  readonly #supabase: Side;
  readonly #mongodb: Side;
  /** what both have answered: a call and "ok", or a call and the code of its error */
  readonly outcomes = new Set<string>();
  #lastWrite = 0;

  constructor(supabase: OpenOwner, mongodb: OpenOwner, collections: readonly Collection[]) {
    this.#supabase = new Side(supabase, this.#living, collections);
    this.#mongodb = new Side(mongodb, this.#living, collections);
  }

  /** Runs a step on both sides; throws where their answers differ. */
  async run(operation: Operation): Promise<void> {
    const isWrite = WRITES.includes(operation.call);
    if (isWrite) await this.#nextMoment();
    const [supabase, mongodb] = await Promise.all([this.#supabase.run(operation), this.#mongodb.run(operation)]);
    if (isWrite) this.#lastWrite = Date.now();
    const step = JSON.stringify(operation);
    expect({ supabase, mongodb }, step).toEqual({ supabase, mongodb: supabase });
    expect(supabase, `a bug: ${step}`).not.toHaveProperty("thrown");
    // both are there all the time
    expect(supabase, step).not.toHaveProperty("error.kind", "unavailable");
    this.outcomes.add(`${operation.call} ${outcomeOf(supabase)}`);
    this.#living.follow(operation, supabase);
  }

  /** No two writes in one millisecond, on either side: a list by time would put them in the order of their ids. */
  async #nextMoment(): Promise<void> {
    while (Date.now() <= this.#lastWrite + 1) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const outcomeOf = (answer: unknown): string =>
  (answer as { error?: { code: string } } | undefined)?.error?.code ?? "ok";
