/** Takes away what deleted users left behind. Called with the secret key: by pg_cron, the API and the development loop. */
import { allCollections } from "../../../shared/collections/index.ts";
import { functionSecretKeys, loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { createLog } from "../../../shared/log.ts";
import { createLogKeeper } from "../../../shared/operations/keep-logs.ts";
import { createPurgeEndpoint } from "../../../shared/operations/purge-endpoint.ts";
import { createRegistry } from "../../../shared/placement/registry.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";

const config = loadFunctionConfig(processEnvironment());
const deadlines = deadlinesOf(config);
const control = serviceClient(config, { timeoutMs: deadlines.callMs });
const collections = allCollections;
/** Of Supabase's own runtime; elsewhere the process lives on by itself. */
const { EdgeRuntime: runtime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };
const waitUntil = (work: Promise<unknown>) => runtime?.waitUntil(work);
const logs = createLogKeeper({ config, deadlines, appName: "switchyard-purge", waitUntil });
const registry = createRegistry({ config, service: control, collections, deadlines, appName: "switchyard-purge" });

export default {
  fetch: createPurgeEndpoint({
    keys: functionSecretKeys(config),
    control,
    databases: [...registry.values()],
    maxTokenLifetimeSeconds: config.MAX_TOKEN_LIFETIME_SECONDS,
    clock: Date.now,
    log: createLog({ level: config.LOG_LEVEL, keep: logs?.keep }),
  }),
};
