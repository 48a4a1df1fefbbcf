/** Supabase Auth's hook "before user created": may this sign-up go on? */
import { ok } from "neverthrow";
import { loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { createLog } from "../../../shared/log.ts";
import { createMongoConnection } from "../../../shared/mongo/connection.ts";
import { callSystem } from "../../../shared/postgres/system-call.ts";
import { databaseProbes } from "../../../shared/placement/probes.ts";
import { createSignUpHook } from "../../../shared/placement/sign-up-hook.ts";
import { webhookVerifier } from "../../../shared/placement/webhook-secrets.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";

const config = loadFunctionConfig(processEnvironment());
const log = createLog({ level: config.LOG_LEVEL });
if (!config.BEFORE_USER_CREATED_HOOK_SECRET) log.error("sign_up_hook_without_secret");

const deadlines = deadlinesOf(config);
const service = serviceClient(config, { timeoutMs: deadlines.hookCallMs });
const { MONGODB_URI } = config;
const connection =
  MONGODB_URI &&
  createMongoConnection({ ...config, MONGODB_URI }, { appName: "switchyard-hook", maxPoolSize: 2, deadlines });
const probes = databaseProbes(service, connection ? () => connection.db().command({ ping: 1 }) : undefined);

export default {
  fetch: createSignUpHook({
    verify: webhookVerifier(config.BEFORE_USER_CREATED_HOOK_SECRET ?? ""),
    // Supabase takes the reports: one that arrives shows that it is up, where a probe that was slow would say that it is
    // down, and with it every home
    probes: { supabase: async () => ok(true), ...(probes.mongodb ? { mongodb: probes.mongodb } : {}) },
    report: (name, healthy, error) =>
      callSystem(service, "switchyard_report_health", { p_name: name, p_healthy: healthy, p_error: error }),
    canPlace: () => callSystem<boolean>(service, "switchyard_can_place"),
    totalMs: deadlines.hookMs,
    probeMs: deadlines.hookProbeMs,
    clock: Date.now,
    log,
  }),
};
