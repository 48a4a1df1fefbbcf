/** Supabase Auth's hook "before user created": may this sign-up go on? */
import { allCollections } from "../../../shared/collections/index.ts";
import { loadFunctionConfig, processEnvironment } from "../../../shared/config.ts";
import { deadlinesOf } from "../../../shared/deadlines.ts";
import { webhookVerifier } from "../../../shared/http/webhook-secrets.ts";
import { createLog } from "../../../shared/log.ts";
import { createSignUpHook, type Probe, type SignUp } from "../../../shared/operations/sign-up-hook.ts";
import { CONTROL_PLANE } from "../../../shared/placement/database-names.ts";
import { createRegistry } from "../../../shared/placement/registry.ts";
import { serviceClient } from "../../../shared/postgres/client.ts";
import { callSystem } from "../../../shared/postgres/system-call.ts";

const config = loadFunctionConfig(processEnvironment());
const log = createLog({ level: config.LOG_LEVEL });
if (!config.BEFORE_USER_CREATED_HOOK_SECRET) log.error("sign_up_hook_without_secret");

const deadlines = deadlinesOf(config);
const service = serviceClient(config, { timeoutMs: deadlines.hookCallMs });
const registry = createRegistry({
  config,
  service,
  // copies that are not prepared are no reason to send new users to another home
  collections: allCollections.filter(({ placement }) => placement.kind === "home"),
  deadlines,
  appName: "switchyard-hook",
  maxPoolSize: 2,
});
const probes: Record<string, Probe> = {};
const sizes: Record<string, () => Promise<number | null>> = {};
for (const { name, system } of registry.values()) {
  // its report is its probe, and it measures itself
  if (name === CONTROL_PLANE) continue;
  probes[name] = () => system.probe();
  sizes[name] = () => system.size();
}

const limit = config.SIGN_UPS_PER_HOUR;

export default {
  fetch: createSignUpHook({
    verify: webhookVerifier(config.BEFORE_USER_CREATED_HOOK_SECRET ?? ""),
    probes,
    sizes,
    report: (reports) => callSystem<boolean>(service, "switchyard_report_healths", { p_reports: reports }),
    canPlace: () => callSystem<boolean>(service, "switchyard_can_place"),
    ...(limit !== null && {
      count: ({ id, address }: SignUp) =>
        callSystem<boolean>(service, "switchyard_count_sign_up", { p_id: id, p_address: address, p_limit: limit }),
    }),
    totalMs: deadlines.hookMs,
    probeMs: deadlines.hookProbeMs,
    clock: Date.now,
    log,
  }),
};
