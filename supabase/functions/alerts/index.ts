/** Looks for what is wrong, and tells the receiver of alerts. Called with the secret key: by pg_cron, and by the development loop. */
import { allCollections } from "../../../shared/collections/index.ts";
import { functionSecretKeys, loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { createLog } from "../../../shared/log.ts";
import { receiverIn } from "../../../shared/operations/alerts.ts";
import { createAlertsEndpoint } from "../../../shared/operations/alerts-endpoint.ts";
import { createLogKeeper } from "../../../shared/operations/keep-logs.ts";
import { createRegistry } from "../../../shared/placement/registry.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";

const config = loadFunctionConfig(processEnvironment());
const deadlines = deadlinesOf(config);
const service = serviceClient(config, { timeoutMs: deadlines.callMs });
const appName = "switchyard-alerts";
/** Of Supabase's own runtime; elsewhere the process lives on by itself. */
const { EdgeRuntime: runtime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };
const waitUntil = (work: Promise<unknown>) => runtime?.waitUntil(work);
const logs = createLogKeeper({ config, deadlines, appName, waitUntil });

export default {
  fetch: createAlertsEndpoint({
    keys: functionSecretKeys(config),
    service,
    registry: createRegistry({ config, service, collections: allCollections, deadlines, appName }),
    send: receiverIn(config),
    probeMs: deadlines.probeMs,
    log: createLog({ level: config.LOG_LEVEL, keep: logs?.keep }),
  }),
};
