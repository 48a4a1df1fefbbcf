/** What `switchyard db prepare` does, on every start: collections, indexes and validators; then the door is opened. */
import { allCollections } from "../../shared/collections/index.ts";
import { createMongoClient, databaseName } from "../../shared/mongo/client.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import type { RunningSupabase } from "./supabase.ts";

/** Prepares MongoDB and lets it take users, the first time that it succeeds. Returns what went wrong, if anything. */
export async function prepareDatabases(supabase: RunningSupabase, mongoUri: string): Promise<string | undefined> {
  const client = createMongoClient(mongoUri, { appName: "switchyard-dev" });
  try {
    await prepareMongo(client.db(databaseName({ MONGODB_URI: mongoUri })), allCollections);
    await supabase.sql("select public.switchyard_open_database('mongodb')");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.close();
  }
}
