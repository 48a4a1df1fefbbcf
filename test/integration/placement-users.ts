/** Users made and deleted in SQL, as Supabase Auth's own statements do. */
import { randomUUID } from "node:crypto";
import type { OwnDatabase } from "../setup/own-database.ts";

export const placementUsers = (database: () => OwnDatabase) => {
  const sql: OwnDatabase["sql"] = (text, parameters) => database().sql(text, parameters);
  const insert = async (id: string = randomUUID()) => {
    await sql(
      `insert into auth.users (id, aud, role, email, email_confirmed_at)
       values ($1::uuid, 'authenticated', 'authenticated', $2, now())`,
      [id, `${id}@switchyard.test`],
    );
    return id;
  };
  return {
    insert,
    /** as many as that, in one statement */
    insertMany: (count: number) =>
      sql(
        `insert into auth.users (id, aud, role) select gen_random_uuid(), 'authenticated', 'authenticated'
         from generate_series(1, $1::int)`,
        [count],
      ),
    /** from before Switchyard: the trigger leaves alone who has a home, and then the home goes */
    insertHomeless: async () => {
      const id = await insert();
      await sql("delete from public.user_database_assignments where user_id = $1::uuid", [id]);
      return id;
    },
    softDelete: (id: string) => sql("update auth.users set deleted_at = now() where id = $1::uuid", [id]),
    hardDelete: (id: string) => sql("delete from auth.users where id = $1::uuid", [id]),
    homeOf: async (id: string) =>
      (
        await sql<{ home: string }>(
          "select database_provider as home from public.user_database_assignments where user_id = $1::uuid",
          [id],
        )
      )[0]?.home,
    /** `user_count` of each database, and beside it how many assignments there are */
    counts: async () => {
      const rows = await sql<{ name: string; counted: number; actual: number }>(
        `select d.name, d.user_count::int as counted,
           (select count(*)::int from public.user_database_assignments a where a.database_provider = d.name) as actual
         from switchyard.databases d order by d.name`,
      );
      return Object.fromEntries(rows.map(({ name, counted, actual }) => [name, { counted, actual }]));
    },
    userExists: async (id: string) => (await sql("select 1 from auth.users where id = $1::uuid", [id])).length > 0,
    /** Both databases empty and accepting, with weight 1, no limit and no health. */
    reset: async () => {
      await sql("delete from auth.users");
      await sql("delete from switchyard.database_health");
      await sql("update switchyard.databases set accepting = true, weight = 1, capacity_users = null");
    },
    set: (name: string, assignments: string) =>
      sql(`update switchyard.databases set ${assignments} where name = $1`, [name]),
    report: (name: string, healthy: boolean) =>
      sql("select public.switchyard_report_health($1, $2::boolean, 'by a test')", [name, healthy]),
  };
};
