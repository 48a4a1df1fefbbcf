/**
 * Random histories give the same answers from every home and by every way. One that doesn't is cut down to the steps that
 * matter and printed with the variables that repeat it.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { histories } from "../setup/histories.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { bookings } from "./bookings.ts";
import { checkHistories } from "./check.ts";
import { type Homes, openHomes } from "./homes.ts";
import { known } from "./known.ts";

const collections = [...homeCollections, bookings];
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

let homes: Homes;
beforeAll(async () => {
  homes = await openHomes(collections);
});
afterAll(() => homes?.close());

test.each(known)("$name", async ({ steps }) => {
  const history = await homes.begin();
  for (const step of steps) await history.run(step);
});

test(
  "a history has the same answers everywhere",
  async () => {
    const run = await checkHistories({ collections, begin: homes.begin, histories: histories() });
    if (run.histories >= ENOUGH) expect(run.outcomes).toEqual(expect.arrayContaining(OUTCOMES));
  },
  histories() * HANGS_MS,
);
