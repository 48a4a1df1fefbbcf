/** The contract over Supabase: real users with their own tokens, rows loaded by SQL. */

import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { fold } from "../../shared/values/text.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { newUser } from "../setup/users.ts";
import { type DeadEnd, deadEnd } from "./dead-end.ts";
import { completeSeed } from "./seed.ts";
import type { Owner, Store } from "./store.ts";

/** Where no server is, none can be too slow. */
const LOST_MS = 300;

export function postgresStore(supabase: RunningSupabase): Store {
  const deadEnds: DeadEnd[] = [];

  async function owner(url: string, timeoutMs = HANGS_MS): Promise<Owner> {
    const { id, jwt } = await newUser({ home: "supabase", on: supabase });
    const config = { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };
    const { repository } = postgresRepositories({ client: userClient(config, jwt, { timeoutMs }), userId: id });
    return { userId: id, repository };
  }

  return {
    newOwner: () => owner(supabase.url),

    async unavailableOwner(how) {
      const end = await deadEnd(how);
      deadEnds.push(end);
      return owner(`http://127.0.0.1:${end.port}`, LOST_MS);
    },

    async seed(owner, collection, rows) {
      const records = completeSeed(owner.userId, "supabase", collection, rows).map((record) => ({
        ...record,
        ...foldedColumns(collection, record),
      }));
      // one statement, so that the trigger which sets versions and times is off for this transaction only
      const [name, columns] = [`public.${collection.name}`, Object.keys(records[0] ?? {}).join(", ")];
      await supabase.sql(`do $seed$ begin
        alter table ${name} disable trigger switchyard_stamp;
        insert into ${name} (${columns})
          select ${columns} from jsonb_populate_recordset(null::${name}, $rows$${JSON.stringify(records)}$rows$::jsonb);
        alter table ${name} enable always trigger switchyard_stamp;
      end $seed$`);
    },

    async close() {
      for (const end of deadEnds) await end.close();
      await supabase.stop();
    },
  };
}

/** What search looks into beside the fields themselves. */
const foldedColumns = ({ search }: Collection, record: Record<string, unknown>) =>
  Object.fromEntries(search.map((field) => [`${field}_folded`, foldOrNull(record[field])]));

const foldOrNull = (text: unknown) => (typeof text === "string" ? fold(text) : null);
