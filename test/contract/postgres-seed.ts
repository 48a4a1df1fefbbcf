/** Records that are put into a Postgres from behind: by SQL, as the owner of its tables. */
import { completeSeed } from "./seed.ts";
import type { Store } from "./store.ts";

/** `run` sends one statement. */
export const seedBySql =
  (run: (text: string) => Promise<unknown>, site: number): Store["seed"] =>
  async (owner, collection, rows) => {
    const records = completeSeed(owner.userId, site, collection, rows);
    // one statement, so that the trigger which sets versions and times is off for this transaction only
    const [name, columns] = [`public.${collection.name}`, Object.keys(records[0] ?? {}).join(", ")];
    await run(`do $seed$ begin
      alter table ${name} disable trigger switchyard_stamp;
      insert into ${name} (${columns})
        select ${columns} from jsonb_populate_recordset(null::${name}, $rows$${JSON.stringify(records)}$rows$::jsonb);
      alter table ${name} enable always trigger switchyard_stamp;
    end $seed$`);
  };
