/**
 * A process that moves users, as the edge function does: its settings are its environment's. It says which point whose move
 * has passed, and stands still there until it is told to go on; so whoever started it may end it there. "end": after this step.
 */
import { setTimeout as wait } from "node:timers/promises";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig, processEnvironment } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createMovesControl, type MovesControl } from "../../shared/moves/control.ts";
import { runMoves } from "../../shared/moves/worker.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";

const BETWEEN_LOOKS_MS = 100;

const [, , leaseSeconds, pauseMs] = process.argv;
const config = loadFunctionConfig(processEnvironment());
const service = serviceClient(config);
const databases = createRegistry({
  ...{ config, service, collections: allCollections, deadlines: deadlinesOf(config), appName: "test-moves" },
});

let isOver = false;
let goOn = () => {};
process.on("message", (word) => {
  if (word === "end") isOver = true;
  goOn();
});
process.on("disconnect", () => process.exit(1));

const say = (said: object) => process.send?.(said);
let userId: string | undefined;
const moves = createMovesControl(service);
const control: MovesControl = {
  ...moves,
  async claim(...asked) {
    const claimed = await moves.claim(...asked);
    userId = claimed.isOk() ? claimed.value?.user_id : undefined;
    return claimed;
  },
};

while (!isOver) {
  const ran = await runMoves({
    ...{ control, databases, collections: homeCollections, atOnce: 1, isOver: () => isOver },
    ...{ leaseSeconds: Number(leaseSeconds), pauseMs: Number(pauseMs) },
    log: { ...createLog({ level: "silent" }), warn: (event, fields) => say({ event, ...fields }) },
    onPoint: async (point) => {
      const told = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      say({ userId, point });
      await told;
    },
  });
  // a database that is away comes back
  if (ran.isErr()) say({ event: "cannot_look", reason: ran.error.message });
  if (!isOver) await wait(BETWEEN_LOOKS_MS);
}
await closeAll(databases);
process.exit(0);
