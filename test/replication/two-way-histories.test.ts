/**
 * Random histories with writers on both sides: clocks that are apart, deletions, ids that are made again, workers of both
 * directions of which some die between two steps or go on with what was true before.
 */
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { copyHistories, replay } from "../setup/histories.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { type ProxiedMongo, startProxiedMongo } from "./proxied-mongo.ts";
import { play, roundsOf } from "./rounds.ts";
import { type Replication, startReplication } from "./system.ts";
import { actions, createPlay, isPausing } from "./two-way-play.ts";

let system: Replication;
let mongo: ProxiedMongo;
beforeAll(async () => {
  system = await startReplication();
  mongo = await startProxiedMongo(system.replicaUri);
});
afterAll(async () => {
  await mongo?.stop();
  await system?.stop();
});

test(
  "both sides are equal at the end of every history, and nothing that was acknowledged is lost",
  async () => {
    const { begin, run, expectEnd } = createPlay(system, mongo.client);
    await fc.assert(
      fc.asyncProperty(fc.array(roundsOf(actions), { minLength: 2, maxLength: 4 }), async (history) => {
        const told = await begin();
        await play(history, { proxy: mongo.proxy, run: (action, pause) => run(told, action, pause), isPausing });
        await expectEnd(told);
      }),
      { numRuns: copyHistories(), ...replay() },
    );
  },
  copyHistories() * HANGS_MS,
);
