/**
 * Random histories of moves: instances whose clocks are apart and whose lists are old, tokens from before, workers that die,
 * sleep, and go on with what was true before, writes that are sent late, users who are deleted in the middle of it.
 */
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import type { ApiInstance } from "../attack/api.ts";
import { moveHistories, replay } from "../setup/histories.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { histories, INSTANCES, NOTICE_SECONDS } from "./history-actions.ts";
import { createPlay } from "./history-play.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

const APART_MS = [0, 240_000, -240_000];

let system: MovingSystem;
let instances: ApiInstance[];
const ages = { passed: 0 };
beforeAll(async () => {
  system = await startMovingSystem("histories", { MOVE_NOTICE_SECONDS: String(NOTICE_SECONDS) });
  const ageClock = () => performance.now() + ages.passed;
  instances = await Promise.all(
    APART_MS.slice(0, INSTANCES).map((apartMs) => system.instance({ clock: () => Date.now() + apartMs, ageClock })),
  );
});
afterAll(() => system?.stop());

test(
  "no acknowledged write is lost or read past, and there is one home at the end of every history",
  async () => {
    const { begin, playRound, expectEnd, close } = createPlay(system, instances, ages);
    await fc
      .assert(
        fc.asyncProperty(histories, async (history) => {
          const told = await begin(history);
          for (const round of history.rounds) await playRound(told, round);
          await expectEnd(told);
        }),
        { numRuns: moveHistories(), ...replay() },
      )
      .finally(close);
  },
  moveHistories() * HANGS_MS,
);
