/** The one function on Vercel. Importing it connects to nothing: its parts are made at the first request. */
import { attachDatabasePool, waitUntil } from "@vercel/functions";
import { allCollections } from "../shared/collections/index.ts";
import { loadApiConfig, processEnvironment } from "../shared/config.ts";
import { deadlinesOf } from "../shared/deadlines.ts";
import { createLog } from "../shared/log.ts";
import { createLogKeeper } from "../shared/operations/keep-logs.ts";
import { createPools } from "../shared/placement/pools.ts";
import { createRouter } from "../shared/placement/router.ts";
import { createApp } from "./_app.ts";
import { createVerifier } from "./_auth.ts";
import type { Dependencies } from "./_environment.ts";
import { changesStaleMs, createSharedParts } from "./_shared-parts.ts";

let made: Dependencies | undefined;

function dependencies(): Dependencies {
  if (made) return made;
  const config = loadApiConfig(processEnvironment());
  const attach = (pool: unknown) => attachDatabasePool(pool as Parameters<typeof attachDatabasePool>[0]);
  const logs = createLogKeeper({
    config,
    deadlines: deadlinesOf(config),
    appName: "switchyard-api",
    waitUntil,
    onPool: attach,
  });
  const log = createLog({ level: config.LOG_LEVEL, keep: logs?.keep });
  const pools = createPools();
  const router = createRouter({
    config,
    collections: allCollections,
    log,
    waitUntil,
    changesStaleMs: changesStaleMs(config),
    // loaded with the driver, which users at home elsewhere need not wait for
    completeUpTo: async (db) => (await (await import("../shared/replication/state.ts")).readState(db)).completeUpTo,
    onPool(pool, database) {
      attach(pool);
      pools.onPool(pool, database);
    },
  });
  const clock = Date.now;
  const shared = createSharedParts({ config, router, log, clock, waitUntil });
  made = { config, log, logs, router, verify: createVerifier(config), clock, pools, ...shared };
  return made;
}

export default createApp(dependencies);
