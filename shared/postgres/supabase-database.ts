/**
 * Supabase's own Postgres as one of the product's databases. It is the control plane, too: what the system does there goes
 * through functions over REST with the secret key, and its schema comes with `supabase db push`.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import { ok } from "neverthrow";
import type { Deadlines } from "../deadlines.ts";
import type { Database } from "../repository/database.ts";
import { type UserConfig, userClient } from "./client.ts";
import { purgeControlRecords } from "./control-purge.ts";
import { askSupabase } from "./rest-probe.ts";
import { createRestStore } from "./rest-store.ts";
import { callSystem } from "./system-call.ts";

export interface SupabaseOptions {
  name: string;
  config: Pick<UserConfig, "SUPABASE_URL"> & { SUPABASE_PUBLISHABLE_KEY?: string | undefined };
  /** with the secret key */
  service: SupabaseClient;
  deadlines: Deadlines;
}

export function supabaseDatabase({ name, config, service, deadlines }: SupabaseOptions): Database {
  const timeoutMs = deadlines.callMs;
  const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY = "" } = config;
  const user = { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY };
  return {
    name,
    title: "Supabase",
    kind: "postgres",
    scoped: async ({ id: userId, jwt, signal }) =>
      ok(createRestStore({ client: userClient(user, jwt, { timeoutMs }), userId, signal })),
    system: {
      probe: async () => (await askSupabase(service)).map(() => null),
      prepare: async () => {
        throw new Error("Supabase is prepared by its migrations: supabase db push");
      },
      purge: (userId) => purgeControlRecords(service, userId),
      async count(collections) {
        const stats = await callSystem<{ collections: Record<string, number> }>(service, "switchyard_stats");
        if (stats.isErr()) throw stats.error;
        return Object.fromEntries(collections.map(({ name }) => [name, stats.value.collections[name] ?? null]));
      },
    },
    close: async () => {},
  };
}
