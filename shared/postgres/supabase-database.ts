/**
 * Supabase's own Postgres as one of the product's databases. It is the control plane, too: what the system does there goes
 * through functions over REST with the secret key, and its schema comes with `supabase db push`. Users' calls go through
 * REST with their own tokens, or, where the URL of the database is configured, by Postgres' own protocol.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import { ok } from "neverthrow";
import type { Deadlines } from "../deadlines.ts";
import type { Collection } from "../definition/define.ts";
import { byName } from "../definition/per-collection.ts";
import type { Database, EngineOptions } from "../repository/database.ts";
import { type Counted, DEFAULT_QUOTA, type Quota } from "../repository/quotas.ts";
import { loadOnce } from "../values/load-once.ts";
import { within } from "../values/within.ts";
import { type UserConfig, userClient } from "./client.ts";
import { purgeControlRecords } from "./control-purge.ts";
import { postgresHomeCopy } from "./home-copy.ts";
import { askSupabase } from "./rest-probe.ts";
import { createRestStore } from "./rest-store.ts";
import { callSystem } from "./system-call.ts";
import { postgresSystemChanges } from "./system-changes.ts";
import { userSizes } from "./user-sizes.ts";

export interface SupabaseOptions {
  name: string;
  config: Pick<UserConfig, "SUPABASE_URL"> & { SUPABASE_PUBLISHABLE_KEY?: string | undefined };
  /** with the secret key */
  service: SupabaseClient;
  deadlines: Deadlines;
  collections: readonly Collection[];
  quota?: Quota | undefined;
  /** the direct way */
  direct?: Pick<EngineOptions, "url" | "appName" | "maxPoolSize" | "onPool"> | undefined;
}

/** For one look at REST by a call that goes another way. */
const REST_MS = 400;

type Path = Pick<Database, "scoped" | "close"> & Pick<Database["system"], "probe">;

interface Statistics {
  collections: Record<string, number>;
  estimated: Record<string, string | null>;
  bytes?: number;
}

export function supabaseDatabase(options: SupabaseOptions): Database {
  const { name, service, direct } = options;
  let asking: Promise<Statistics> | undefined;
  /** One call for whoever asks at once: it counts every table. */
  const statistics = (): Promise<Statistics> => {
    asking ??= callSystem<Statistics>(service, "switchyard_stats")
      .then((answer) => answer.match((found) => found, Promise.reject.bind(Promise)))
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
  const functions = async <T>(name: string, parameters: object): Promise<T> =>
    (await callSystem<T>(service, name, parameters)).match((found) => found, Promise.reject.bind(Promise));
  const { scoped, probe, close } = direct ? directPath(options, direct) : restPath(options);
  return {
    name,
    title: "Supabase",
    kind: "postgres",
    path: direct ? "direct" : "rest",
    scoped,
    usage: (userId) => callSystem<Counted>(service, "switchyard_usage", { p_user_id: userId }),
    holdings: (userId) => callSystem(service, "switchyard_holdings", { p_user_id: userId }),
    system: {
      probe,
      prepare: async () => {
        throw new Error("Supabase is prepared by its migrations: supabase db push");
      },
      async limit() {
        const { records, bytes } = options.quota ?? DEFAULT_QUOTA;
        const set = await callSystem(service, "switchyard_set_quotas", { p_records: records, p_bytes: bytes });
        if (set.isErr()) throw set.error;
      },
      purge: (userId) => purgeControlRecords(service, userId),
      async sweep() {
        const swept = await callSystem(service, "switchyard_expire_tombstones");
        if (swept.isErr()) throw swept.error;
      },
      async count(collections) {
        const { collections: counts, estimated } = await statistics();
        return {
          counts: Object.fromEntries(collections.map(({ name }) => [name, counts[name] ?? null])),
          estimated: Object.fromEntries(
            collections.flatMap(({ name }) => (estimated[name] === undefined ? [] : [[name, estimated[name]]])),
          ),
        };
      },
      size: async () => (await statistics()).bytes ?? null,
      userSizes: (userIds) => userSizes(functions, userIds),
    },
    copy: async () => postgresHomeCopy(functions),
    changes: async () => postgresSystemChanges(functions),
    close,
  };
}

function restPath({ config, service, deadlines, collections }: SupabaseOptions): Path {
  const all = byName(collections);
  const timeoutMs = deadlines.callMs;
  const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY = "" } = config;
  const user = { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY };
  return {
    scoped: async ({ id, scope: userId = id, jwt, signal }) =>
      ok(createRestStore({ client: userClient(user, jwt, { timeoutMs }), userId, all, signal })),
    probe: () => askSupabase(service),
    close: async () => {},
  };
}

/** The driver is loaded by the first request that needs it. */
function directPath(
  { name, service, deadlines, collections }: SupabaseOptions,
  direct: NonNullable<SupabaseOptions["direct"]>,
): Path {
  const { url, appName, maxPoolSize, onPool } = direct;
  const loaded = loadOnce(async () => {
    const [{ createPostgresConnection }, { directAccess }] = await Promise.all([
      import("./direct/connection.ts"),
      import("./direct/access.ts"),
    ]);
    const connection = createPostgresConnection(url, { appName, deadlines, onPool, maxPoolSize });
    const access = directAccess(connection, {
      name,
      title: "Supabase",
      migrate: "supabase db push",
      all: byName(collections),
      expected: () => idByRest(service),
    });
    return { connection, access };
  });
  return {
    scoped: async (caller) => (await loaded()).access.scoped(caller),
    async probe() {
      const { access } = await loaded();
      const [problem, rest] = await Promise.all([
        access.problem(),
        within(deadlines.probeMs * 0.8, askSupabase(service)),
      ]);
      // accounts, assignments and tasks go through REST, which users' records do without
      return ok(problem ?? (rest?.isOk() ? rest.value : "Supabase's REST does not answer."));
    },
    close: async () => {
      await (await loaded.ifAny())?.connection.close();
    },
  };
}

/** What REST says the database is; undefined while it does not answer, which must not hold up those who do without it. */
async function idByRest(service: SupabaseClient): Promise<string | undefined> {
  const said = await within(REST_MS, callSystem<{ id?: string }>(service, "switchyard_health")).catch(() => undefined);
  return said?.isOk() ? said.value.id : undefined;
}
