/** Backups as the commands note them: one that is whole and was drilled, and one that was damaged. */
import { readDevelopment } from "../../scripts/dev/development-file.ts";
import { noteBackup } from "../../shared/operations/note-backup.ts";
import { serviceClient } from "../../shared/postgres/client.ts";

/** In the system of that folder. */
export async function noteBackups(data: string): Promise<void> {
  const running = await readDevelopment(data);
  if (!running) throw new Error(`no system runs in ${data}`);
  const service = serviceClient({ SUPABASE_URL: running.url, SUPABASE_SECRET_KEY: running.secretKey });
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const place = "s3://switchyard-backups/production";
  const noted = [
    await noteBackup(
      service,
      { place, id: "daily-1" },
      {
        ...{ kind: "incremental", parent_id: "daily-0", part_of: "expenses", databases: ["mongodb"] },
        ...{ began_at: ago(1_500), ended_at: ago(1_499), records: 12, bytes: 2_048 },
        ...{ verified_at: ago(1_400), fault: "expenses/mongodb/0.ndjson.zst is not as it was written (sha256)." },
      },
    ),
    await noteBackup(
      service,
      { place, id: "daily-2" },
      {
        ...{ kind: "full", databases: ["supabase", "mongodb"], is_encrypted: true },
        ...{ began_at: ago(60), ended_at: ago(58), records: 812_345, bytes: 91_234_567 },
        ...{ verified_at: ago(50), drilled_at: ago(40), drill_ms: 94_000 },
      },
    ),
  ];
  for (const one of noted) one._unsafeUnwrap();
}
