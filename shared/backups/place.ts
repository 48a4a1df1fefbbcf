/** The storage that a place names. */
import { err, ok, type Result } from "neverthrow";
import type { BackupConfig } from "../config.ts";
import { folderStorage } from "./folder-storage.ts";
import { namingStorage } from "./naming-storage.ts";
import { s3Storage } from "./s3-storage.ts";
import type { BackupStorage } from "./storage.ts";

/** A folder, or s3://bucket/prefix; or what is wrong with that, in a sentence. */
export function storageAt(place: string, config: BackupConfig): Result<BackupStorage, string> {
  if (!place.includes("://")) return ok(namingStorage(folderStorage(place)));
  const [, bucket, prefix] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/([A-Za-z0-9_.\-/]*))?$/.exec(place) ?? [];
  if (bucket === undefined) return err(`"${place}" is no place for backups: name a folder, or s3://bucket/prefix.`);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = config;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    return err(`${place} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set them.`);
  return ok(
    s3Storage({
      ...{ bucket, prefix: (prefix ?? "").replace(/^\/+|\/+$/g, ""), region: config.BACKUP_S3_REGION },
      ...{ endpoint: config.BACKUP_S3_ENDPOINT, accessKeyId, secretAccessKey, sessionToken: config.AWS_SESSION_TOKEN },
    }),
  );
}
