/** The list of backups that operators look at; the manifests beside the parts are the truth. See supabase/migrations/*_backups.sql. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "../postgres/system-call.ts";

/** Instants as ISO 8601 says them. Facts that are left out stay as they were noted before. */
export interface BackupFacts {
  kind: "full" | "incremental";
  parent_id?: string | null;
  /** what alone it holds, in words: "expenses", "user 0b5f…"; null: everything */
  part_of?: string | null;
  began_at: string;
  ended_at?: string | null;
  databases?: readonly string[];
  records?: number;
  /** as they are kept */
  bytes?: number;
  is_encrypted?: boolean;
  verified_at?: string | null;
  /** what was found wrong then */
  fault?: string | null;
  drilled_at?: string | null;
  drill_ms?: number | null;
  pruned_at?: string | null;
}

/**
 * Notes what has become of a backup; `place` is a folder or `s3://bucket/prefix`, without credentials. Errors: Supabase does not
 * answer; the backup is as good without the note, and whoever calls says that it is not in the list.
 */
export const noteBackup = (
  service: SupabaseClient,
  backup: { place: string; id: string },
  facts: BackupFacts | Omit<BackupFacts, "kind" | "began_at">,
): Promise<Result<null, RepositoryError>> =>
  callSystem<null>(service, "switchyard_note_backup", { p_place: backup.place, p_id: backup.id, p_facts: facts });
