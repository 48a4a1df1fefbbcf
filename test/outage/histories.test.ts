/**
 * Random histories of two writing sides (test/replication), in each of which a real server is killed (SIGKILL) while writers and
 * workers are at it, and comes back before the next round.
 */
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { type ProxiedMongo, startProxiedMongo } from "../replication/proxied-mongo.ts";
import { play, roundsOf } from "../replication/rounds.ts";
import { type Replication, startReplication } from "../replication/system.ts";
import { actions, createPlay, isPausing } from "../replication/two-way-play.ts";
import { partOf } from "../setup/effort.ts";
import { replay } from "../setup/histories.ts";
import { HANGS_MS } from "../setup/patience.ts";
import type { Home } from "../setup/users.ts";
import { control } from "./servers.ts";

/** More than one of fifty, of those that the other suites play. */
const HISTORIES = partOf(8, 2);
/** Nobody waits long for a server that is dead. */
const IMPATIENT = { serverSelectionTimeoutMS: 2_000, connectTimeoutMS: 2_000, socketTimeoutMS: 10_000 };
/** Workers whose one call ends before the server is back, and whose next one finds it. */
const PERSISTENT = { ...IMPATIENT, serverSelectionTimeoutMS: 500 };

let system: Replication;
let mongo: ProxiedMongo;
beforeAll(async () => {
  system = await startReplication(IMPATIENT);
  mongo = await startProxiedMongo(system.replicaUri, PERSISTENT);
});
afterAll(async () => {
  await mongo?.stop();
  await system?.stop();
});

/** A way on which a server is dead as a round begins that has it refused, and back soon; and one that hangs is killed meanwhile. */
function killingInstead(victim: Home) {
  let isDown = false;
  let dying: Promise<void> | undefined;
  const start = async () => {
    await control("start", victim);
    isDown = false;
  };
  const kill = async () => {
    isDown = true;
    await control("kill", victim);
  };
  const revive = async () => {
    await dying;
    dying = undefined;
    if (isDown) await start();
  };
  return {
    revive,
    async set(mode: Parameters<ProxiedMongo["proxy"]["set"]>[0]) {
      await revive();
      const isDeadly = mode === "refuse" || mode === "hang";
      await mongo.proxy.set(isDeadly ? "pass" : mode);
      if (mode === "refuse") await kill();
      // the round begins meanwhile
      if (isDeadly) dying = mode === "refuse" ? start() : kill();
    },
  };
}

test(
  "both sides are equal at the end, and nothing that was acknowledged is lost",
  async () => {
    const { begin, run, expectEnd } = createPlay(system, mongo.client, { mayDie: true });
    const rounds = fc.array(roundsOf(actions), { minLength: 3, maxLength: 4 });
    const victims = fc.constantFrom<Home>("mongodb", "supabase");
    const modes = fc.constantFrom("refuse" as const, "hang" as const);
    await fc.assert(
      fc.asyncProperty(rounds, victims, modes, async (history, victim, mode) => {
        const told = await begin();
        const proxy = killingInstead(victim);
        // in the second round there is something to lose
        const deadly = history.map((round, n) => ({ ...round, ...(n === 1 && { copy: mode }) }));
        try {
          await play(deadly, { proxy, run: (action, pause) => run(told, action, pause), isPausing });
        } finally {
          await proxy.revive();
        }
        await expectEnd(told);
      }),
      { numRuns: HISTORIES, ...replay() },
    );
  },
  HISTORIES * HANGS_MS,
);
