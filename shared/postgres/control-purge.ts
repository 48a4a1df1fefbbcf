/** What a user left behind in the control plane's own Postgres goes, over REST with the secret key. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { callSystem } from "./system-call.ts";

/** Deletes everything of a user's who is deleted, `batchSize` records with one call. Refusals are thrown. */
export async function purgeControlRecords(client: SupabaseClient, userId: string, batchSize = 1_000): Promise<void> {
  for (;;) {
    const batch = { p_user_id: userId, p_batch_size: batchSize };
    const deleted = await callSystem<number>(client, "switchyard_purge_records", batch);
    if (deleted.isErr()) throw deleted.error;
    if (deleted.value === 0) return;
  }
}
