/** Copies what is marked to MongoDB. Called with the secret key: by pg_cron, the API after a write, and the development loop. */
import { allCollections } from "../../../shared/collections/index.ts";
import { functionSecretKeys, loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { createLog } from "../../../shared/log.ts";
import { createLogKeeper } from "../../../shared/operations/keep-logs.ts";
import { openReplication } from "../../../shared/operations/open-replication.ts";
import { createReplicateEndpoint } from "../../../shared/operations/replicate-endpoint.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";

const config = loadFunctionConfig(processEnvironment());
const deadlines = deadlinesOf(config);

/** Of Supabase's own runtime; elsewhere the process lives on by itself. */
const { EdgeRuntime: runtime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };
const waitUntil = (work: Promise<unknown>) => runtime?.waitUntil(work);
const logs = createLogKeeper({ config, deadlines, appName: "switchyard-replicate", waitUntil });

export default {
  fetch: createReplicateEndpoint({
    keys: functionSecretKeys(config),
    waitUntil,
    replication: openReplication({
      config,
      service: serviceClient(config, { timeoutMs: deadlines.callMs }),
      collections: allCollections,
      deadlines,
      log: createLog({ level: config.LOG_LEVEL, keep: logs?.keep }),
      appName: "switchyard-replicate",
      // a function has two seconds of processor time
      worker: { limit: 500 },
    }),
  }),
};
