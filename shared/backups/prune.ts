/** Takes backups away whose time is over, and what was never finished. */
import { isFull } from "./failures.ts";
import { MANIFEST, type Manifest } from "./manifest.ts";
import { RETENTION, type Retention, stays } from "./retention.ts";
import { type BackupStorage, readTextIfStored } from "./storage.ts";
import { listBackups, verificationOf } from "./verify.ts";

/** It is written first: what is half taken away is finished off by whoever comes next, however young it is. */
const GOING = "pruned";
/** A backup that is being made has no manifest yet; none takes a day. */
const UNFINISHED_MS = 24 * 3_600_000;

export interface Pruned {
  /** why, by id */
  gone: Map<string, string>;
  kept: Map<string, string>;
}

export interface PruneOptions {
  retention?: Retention;
  now: Date;
  /** Says what would go, and takes nothing away. */
  isDryRun?: boolean;
  onGone?: (id: string) => Promise<void>;
}

export async function pruneBackups(
  storage: BackupStorage,
  { retention = RETENTION, now, isDryRun = false, onGone }: PruneOptions,
): Promise<Pruned> {
  const all = await listBackups(storage);
  const finished: { manifest: Manifest; isVerified: boolean }[] = [];
  const gone = new Map<string, string>();
  const kept = new Map<string, string>();
  for (const [id, manifest] of all) {
    if (manifest) finished.push({ manifest, isVerified: (await verificationOf(storage, id))?.faults.length === 0 });
    else if ((await readTextIfStored(storage, `${id}/${GOING}`)) !== null) gone.set(id, "it was being taken away");
    // what has a manifest that cannot be read is somebody's to look at
    else if ((await readTextIfStored(storage, `${id}/${MANIFEST}`)) !== null) kept.set(id, "its manifest is not right");
    else if (now.getTime() - startOf(id) > UNFINISHED_MS) gone.set(id, "it was never finished");
    else kept.set(id, "it is not finished, and may be being made");
  }
  const reasons = stays(finished, retention);
  // children before their parents: a chain that is left half way is still one
  for (const { manifest } of finished.reverse()) {
    const reason = reasons.get(manifest.id);
    if (reason === undefined) gone.set(manifest.id, "its time is over");
    else kept.set(manifest.id, reason);
  }
  if (isDryRun) return { gone, kept };
  for (const id of gone.keys()) {
    await storage.put(`${id}/${GOING}`, once()).catch((error: unknown) => {
      // what makes room needs none: who dies here leaves what was never finished, which goes a day later
      if (!isFull(error)) throw error;
    });
    // without it nothing is restored from there
    await storage.delete(`${id}/${MANIFEST}`);
    await storage.clear(id);
    await onGone?.(id);
  }
  return { gone, kept };
}

async function* once(): AsyncIterable<Uint8Array> {
  yield Buffer.from("\n");
}

/** An id begins with its instant; what has another name is not ours to take away. */
function startOf(id: string): number {
  const [, day, time, thousandths] = /^(\d{4}-\d\d-\d\d)T(\d\d-\d\d-\d\d)-(\d{3})Z-/.exec(id) ?? [];
  return day === undefined
    ? Number.POSITIVE_INFINITY
    : Date.parse(`${day}T${time?.replaceAll("-", ":")}.${thousandths}Z`);
}
