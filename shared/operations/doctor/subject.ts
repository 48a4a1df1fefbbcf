/** What is looked at: everything that the checks are given. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Deadlines } from "../../deadlines.ts";
import type { Collection } from "../../definition/define.ts";
import type { Log } from "../../log.ts";
import type { ConfiguredDatabase } from "../../placement/configured-databases.ts";
import type { Migration } from "../../postgres/prepare-data-plane.ts";

interface DoctorConfig {
  SUPABASE_URL: string;
  SUPABASE_SECRET_KEY: string;
  DATABASE_URL?: string | undefined;
  MONGODB_DATABASE?: string | undefined;
  MONGODB_REPLICA_DATABASE?: string | undefined;
  BEFORE_USER_CREATED_HOOK_SECRET?: string | undefined;
  REDIS_URL?: string | undefined;
  SINGLE_INSTANCE: "0" | "1";
  databases: readonly ConfiguredDatabase[];
}

/** The API, where it runs or in this process. */
export interface AskedApi {
  /** for sentences: its address, or "this process" */
  readonly where: string;
  ask(path: string, init: RequestInit): Promise<Response>;
}

export interface Subject {
  config: DoctorConfig;
  deadlines: Deadlines;
  /** with the secret key */
  service: SupabaseClient;
  collections: readonly Collection[];
  /** of them, those that have a table in Postgres */
  tables: readonly Collection[];
  /** of this repository, in order */
  migrations: readonly Migration[];
  /** absent: there is neither an address nor what it takes to make one here */
  api?: AskedApi | undefined;
  fetch: typeof fetch;
  log: Log;
}
