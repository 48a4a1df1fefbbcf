/** Tables of collections that the product does not have, in a Postgres that other files may use at the same time. */
import type { Collection } from "../../shared/definition/define.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";

/** `run` sends one statement, as the owner of the tables. */
export function tablesBySql(run: (text: string) => Promise<unknown>) {
  const made: string[] = [];
  return {
    async keep(collection: Collection): Promise<void> {
      // not in the list of the application's collections, which other files compare with the definitions
      const sql = `${collectionSql(collection, [])}
        delete from switchyard.collections where name = '${collection.name}';`;
      await run(`do $script$ begin execute $text$${sql}$text$; end $script$`);
      made.push(collection.name);
    },
    async dropAll(): Promise<void> {
      for (const name of made) await run(`drop table public.${name}`);
    },
  };
}
