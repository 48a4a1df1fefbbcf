/**
 * Random histories give the same answers from both databases. One that doesn't is cut down to the steps that matter and
 * printed with the variables that repeat it.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { histories, replay } from "../setup/histories.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { bookings, createBookings } from "./bookings.ts";
import type { History } from "./history.ts";
import { known } from "./known.ts";
import { type Operation, operations } from "./operations.ts";
import { report } from "./report.ts";
import { type TwoDatabases, twoDatabases } from "./two-databases.ts";

const collections = [...allCollections, bookings];
const MAX_STEPS = 500;
/** Steps are left out for so many runs; then the history is printed as it is. */
const MAX_SHRINKS = 400;
/** From so many histories on, chance leaves none of these out. */
const ENOUGH = 20;
const OUTCOMES = Object.entries({
  create: ["ok", "duplicate", "idempotency_mismatch", "invalid_input", "invalid_reference"],
  get: ["ok", "not_found"],
  update: ["ok", "not_found", "version_mismatch", "invalid_reference"],
  delete: ["ok", "not_found", "version_mismatch", "referenced"],
  list: ["ok", "invalid_query"],
  next: ["ok", "invalid_cursor"],
  count: ["ok", "invalid_query"],
  summarize: ["ok", "invalid_query"],
}).flatMap(([call, outcomes]) => outcomes.map((outcome) => `${call} ${outcome}`));

let supabase: RunningSupabase;
let databases: TwoDatabases;
beforeAll(async () => {
  supabase = await startOwnDatabase();
  await createBookings(supabase);
  databases = await twoDatabases(supabase, mongoUriFor(`property_${crypto.randomUUID().slice(0, 8)}`), collections);
});
afterAll(async () => {
  await databases?.close();
  await supabase?.stop();
});

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

test.each(known)("$name", async ({ steps }) => {
  const history = await databases.begin();
  for (const step of steps) await history.run(step);
});

test(
  "a history has the same answers from both databases",
  async () => {
    const { seed, path, replayPath } = replay();
    const steps = fc.commands([operations(collections).map((operation) => new Step(operation))], {
      maxCommands: MAX_STEPS,
      size: "max",
      ...(replayPath === undefined ? {} : { replayPath }),
    });
    const reached = new Set<string>();
    let [failing, shrinks] = [false, 0];
    const property = fc.asyncProperty(steps, async (commands) => {
      // to the shrinker, what is not tried any more is a history that passes
      if (failing && ++shrinks > MAX_SHRINKS) return;
      const history = await databases.begin();
      await fc
        .asyncModelRun(() => ({ model: {}, real: history }), commands)
        .catch((error) => {
          failing = true;
          throw error;
        });
      for (const outcome of history.outcomes) reached.add(outcome);
    });
    const details = await fc.check(property, {
      numRuns: path === undefined ? histories() : 1,
      ...(seed === undefined ? {} : { seed }),
      ...(path === undefined ? {} : { path }),
    });
    if (details.failed) expect.fail(report(details));
    expect(details.numRuns).toBe(path === undefined ? histories() : 1);
    if (details.numRuns >= ENOUGH) expect([...reached]).toEqual(expect.arrayContaining(OUTCOMES));
  },
  histories() * HANGS_MS,
);
