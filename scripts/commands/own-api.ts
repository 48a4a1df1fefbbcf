/** The API in this process, with the settings that it would have on its own. */
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import { changesStaleMs, createSharedParts } from "../../api/_shared-parts.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { ConfigError, type Environment, loadApiConfig } from "../../shared/config.ts";
import type { Log } from "../../shared/log.ts";
import type { AskedApi } from "../../shared/operations/doctor/subject.ts";
import { createRouter } from "../../shared/placement/router.ts";

/** Undefined where a setting is missing without which there is no API. Connects with the first request. */
export function ownApi(env: Environment, log: Log): (AskedApi & { close(): Promise<void> }) | undefined {
  const config = configIn(env);
  if (!config) return undefined;
  const clock = Date.now;
  const router = createRouter({ config, collections: allCollections, log, changesStaleMs: changesStaleMs(config) });
  const shared = createSharedParts({ config, router, log, clock });
  const app = createApp(() => ({ config, log, router, verify: createVerifier(config), clock, ...shared }));
  return {
    where: "the API made in this process",
    ask: async (path, init) => app.request(path, init),
    async close() {
      await Promise.all([router.close(), shared.redis?.close()]);
    },
  };
}

function configIn(env: Environment) {
  try {
    return loadApiConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
