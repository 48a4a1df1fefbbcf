/** Goes on with moves of users to other homes. Called with the secret key: by pg_cron, and by the development loop. */
import { allCollections, homeCollections } from "../../../shared/collections/index.ts";
import { functionSecretKeys, loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { createLog } from "../../../shared/log.ts";
import { createMovesControl } from "../../../shared/moves/control.ts";
import { createLogKeeper } from "../../../shared/operations/keep-logs.ts";
import { createMovesEndpoint } from "../../../shared/operations/moves-endpoint.ts";
import { createRegistry } from "../../../shared/placement/registry.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";

const config = loadFunctionConfig(processEnvironment());
const deadlines = deadlinesOf(config);
const service = serviceClient(config, { timeoutMs: deadlines.callMs });
const appName = "switchyard-moves";
/** Of Supabase's own runtime; elsewhere the process lives on by itself. */
const { EdgeRuntime: runtime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };
const waitUntil = (work: Promise<unknown>) => runtime?.waitUntil(work);
const logs = createLogKeeper({ config, deadlines, appName, waitUntil });

export default {
  fetch: createMovesEndpoint({
    keys: functionSecretKeys(config),
    control: createMovesControl(service),
    databases: createRegistry({ config, service, collections: allCollections, deadlines, appName }),
    collections: homeCollections,
    log: createLog({ level: config.LOG_LEVEL, keep: logs?.keep }),
  }),
};
