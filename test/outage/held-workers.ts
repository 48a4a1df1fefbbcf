/** Workers that move users, and stand still where a test wants it, once for each user, until they are told to go on. */
import { setTimeout as wait } from "node:timers/promises";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { type Environment, loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createMovesControl } from "../../shared/moves/control.ts";
import { stepMove } from "../../shared/moves/move-user.ts";
import type { MOVE_POINTS } from "../../shared/moves/run.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import type { HomeCopy } from "../../shared/repository/home-copy.ts";

/** Points of a step, and what has none: before the first batch is copied, and before the old copy is taken away. */
export type Hold = (typeof MOVE_POINTS)[number] | "copying" | "cleaning";

interface HeldOptions {
  env: Environment;
  leaseSeconds: number;
  pauseMs: number;
  count: number;
}
export type HeldWorkers = ReturnType<typeof startHeldWorkers>;

/** As the edge function has them, but for the holds. */
export function startHeldWorkers({ env, leaseSeconds, pauseMs, count }: HeldOptions) {
  const config = loadFunctionConfig(env);
  const deadlines = deadlinesOf(config);
  const service = serviceClient(config, { timeoutMs: deadlines.callMs });
  const collections = allCollections;
  const registry = createRegistry({ config, service, collections, deadlines, appName: "test-moves" });
  const control = createMovesControl(service);
  const holds = new Map<string, { hold: Hold; goOn: Promise<void>; release: () => void }>();
  const standing = new Set<string>();
  const stepping = new Set<string>();
  const reasons: string[] = [];
  let isOver = false;

  async function come(userId: string, hold: Hold): Promise<void> {
    const held = holds.get(userId);
    if (held?.hold !== hold) return;
    standing.add(userId);
    await held.goOn;
  }
  const holding = (copy: HomeCopy): HomeCopy => ({
    ...copy,
    async write(userId, ...given) {
      await come(userId, "copying");
      return copy.write(userId, ...given);
    },
    async clear(userId, turn) {
      await come(userId, "cleaning");
      return copy.clear(userId, turn);
    },
  });
  const databases = new Map(
    [...registry].map(([name, { copy, system }]) => [name, { copy: async () => holding(await copy()), system }]),
  );
  const log = {
    ...createLog({ level: "silent" }),
    warn: (_: string, fields?: object) => void reasons.push(JSON.stringify(fields)),
  };

  async function work(): Promise<void> {
    while (!isOver) {
      const claimed = await control.claim([...registry.keys()], leaseSeconds);
      const move = claimed.unwrapOr(null);
      // nothing is due, or the control plane is away
      if (!move) await wait(100);
      else {
        const { user_id: userId } = move;
        stepping.add(userId);
        const onPoint = (point: Hold) => come(userId, point);
        const options = { control, databases, collections: homeCollections, log, onPoint, leaseSeconds, pauseMs };
        await stepMove(options, move).finally(() => stepping.delete(userId));
      }
    }
  }
  const working = Array.from({ length: count }, work);

  return {
    reasons,
    hold(userId: string, hold: Hold) {
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.set(userId, { hold, goOn: promise, release: resolve });
    },
    isStanding: (userId: string) => standing.has(userId),
    /** Goes on, and stands still no more. */
    release(userId: string) {
      standing.delete(userId);
      holds.get(userId)?.release();
      holds.delete(userId);
    },
    isStepping: (userId: string) => stepping.has(userId),
    async stop() {
      isOver = true;
      for (const { release } of holds.values()) release();
      await Promise.all(working);
      await closeAll(registry);
    },
  };
}
