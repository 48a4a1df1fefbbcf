/** Takes away what deleted users left behind. Called with the secret key: by pg_cron, the API and the development loop. */
import { allCollections } from "../../../shared/collections/index.ts";
import { functionSecretKeys, loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { createLog } from "../../../shared/log.ts";
import { databaseName } from "../../../shared/mongo/client.ts";
import { createMongoConnection } from "../../../shared/mongo/connection.ts";
import { createPurgeEndpoint } from "../../../shared/operations/purge-endpoint.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";

const config = loadFunctionConfig(processEnvironment());
const deadlines = deadlinesOf(config);
const { MONGODB_URI } = config;
const connection =
  MONGODB_URI &&
  createMongoConnection(MONGODB_URI, databaseName(MONGODB_URI, config.MONGODB_DATABASE), {
    appName: "switchyard-purge",
    deadlines,
  });

export default {
  fetch: createPurgeEndpoint({
    keys: functionSecretKeys(config),
    supabase: serviceClient(config, { timeoutMs: deadlines.callMs }),
    mongo: connection ? async () => connection.db() : undefined,
    collections: allCollections,
    maxTokenLifetimeSeconds: config.MAX_TOKEN_LIFETIME_SECONDS,
    clock: Date.now,
    log: createLog({ level: config.LOG_LEVEL }),
  }),
};
