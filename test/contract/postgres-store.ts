/** The contract over Supabase's REST: real users with their own tokens, rows loaded by SQL. */

import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { postgresRepositories, SITES } from "../setup/repositories.ts";
import { newUser } from "../setup/users.ts";
import { type DeadEnd, deadEnd } from "./dead-end.ts";
import { seedBySql } from "./postgres-seed.ts";
import { tablesBySql } from "./postgres-tables.ts";
import type { Owner, Store } from "./store.ts";

/** Where no server is, none can be too slow. */
const LOST_MS = 300;

export function postgresStore(supabase: RunningSupabase): Store {
  const deadEnds: DeadEnd[] = [];
  const tables = tablesBySql(supabase.sql);

  async function owner(url: string, timeoutMs = HANGS_MS): Promise<Owner> {
    const { id, jwt } = await newUser({ home: "supabase", on: supabase });
    const config = { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };
    const { repository } = postgresRepositories({ client: userClient(config, jwt, { timeoutMs }), userId: id });
    return { userId: id, repository };
  }

  return {
    site: SITES.supabase,

    foreignId: "ok",
    newOwner: () => owner(supabase.url),

    async unavailableOwner(how) {
      const end = await deadEnd(how);
      deadEnds.push(end);
      return owner(`http://127.0.0.1:${end.port}`, LOST_MS);
    },

    seed: seedBySql(supabase.sql, SITES.supabase),

    keep: tables.keep,

    async close() {
      await tables.dropAll();
      for (const end of deadEnds) await end.close();
      await supabase.stop();
    },
  };
}
