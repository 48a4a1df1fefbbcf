/** How much each of several users keeps in a Postgres: what its writes have counted (`supabase/migrations/*_usages.sql`). */
import type { Usage } from "../repository/quotas.ts";
import type { SystemFunctions } from "./home-copy.ts";

export async function userSizes(call: SystemFunctions, userIds: readonly string[]): Promise<Map<string, Usage>> {
  const found = await call<Record<string, [number, number]>>("switchyard_usages", { p_user_ids: userIds });
  return new Map(Object.entries(found).map(([id, [records, bytes]]) => [id, { records, bytes }]));
}
