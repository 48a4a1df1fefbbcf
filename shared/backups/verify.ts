/** Whether a backup is whole: every byte, every line, and what its manifest counts. */
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../definition/define.ts";
import { BadPart, checkPart, readPart } from "./codec.ts";
import { MANIFEST, MANIFEST_SUM, type Manifest, parseManifest, sumOf } from "./manifest.ts";
import { type BackupStorage, checkedPath, NotStored, readText } from "./storage.ts";
import { addSums, emptyTally, tallied } from "./tally.ts";

/** The manifest, or why nothing may be restored from there. */
export async function readManifest(storage: BackupStorage, id: string): Promise<Result<Manifest, string>> {
  try {
    const text = await readText(storage, `${checkedPath(id)}/${MANIFEST}`);
    const sum = await summedAs(storage, id);
    if (sum === null)
      return err(`${id}: ${MANIFEST_SUM} is missing, so that nobody can tell whether ${MANIFEST} was altered`);
    if (sum !== sumOf(text))
      return err(`${id}: ${MANIFEST} is altered: its sha256 is ${sumOf(text)}, and ${MANIFEST_SUM} says ${sum}`);
    const parsed = parseManifest(text);
    if (parsed.isOk() && parsed.value.id !== id) return err(`${id}: its manifest is that of ${parsed.value.id}`);
    return parsed.mapErr((problem) => `${id}: ${problem}`);
  } catch (error) {
    if (error instanceof NotStored) return err(`${id} has no ${MANIFEST}: it was never finished`);
    throw error;
  }
}

async function summedAs(storage: BackupStorage, id: string): Promise<string | null> {
  try {
    return (await readText(storage, `${id}/${MANIFEST_SUM}`)).trim();
  } catch (error) {
    if (error instanceof NotStored) return null;
    throw error;
  }
}

/** By id, oldest first; null: it was never finished. */
export async function listBackups(storage: BackupStorage): Promise<Map<string, Manifest | null>> {
  const ids = new Set<string>();
  for await (const path of storage.list("")) if (path.includes("/")) ids.add(path.slice(0, path.indexOf("/")));
  const all = new Map<string, Manifest | null>();
  for (const id of [...ids].sort()) all.set(id, (await readManifest(storage, id)).unwrapOr(null));
  return all;
}

export interface Verified {
  /** what is wrong, in sentences; none: it is whole */
  faults: string[];
  /** false: it is encrypted, no identity is given, and only its bytes were compared */
  hasReadLines: boolean;
}

export async function verifyBackup(
  storage: BackupStorage,
  manifest: Manifest,
  collections: readonly Collection[],
  identity: string | null,
): Promise<Verified> {
  const faults: string[] = [];
  const sums: Manifest["sums"] = {};
  const hasReadLines = manifest.recipient === null || identity !== null;
  if (manifest.parent !== null)
    (await readManifest(storage, manifest.parent)).mapErr((problem) => faults.push(`the chain is broken: ${problem}`));
  for (const part of manifest.parts) {
    const tally = emptyTally();
    const collection = collections.find(({ name }) => name === part.collection);
    try {
      // bytes first: lines of altered ones mean nothing
      await checkPart(storage, manifest.id, part);
      if (!hasReadLines) continue;
      for await (const _ of tallied(readPart(storage, manifest.id, part, identity), collection, tally));
    } catch (error) {
      if (!(error instanceof BadPart)) throw error;
      faults.push(error.message);
      continue;
    }
    addSums(sums, part, tally);
    for (const key of ["count", "tombstones", "versions"] as const)
      if (JSON.stringify(tally[key]) !== JSON.stringify(part[key]))
        faults.push(`${part.path}: its ${key} are ${JSON.stringify(tally[key])}, not ${JSON.stringify(part[key])}`);
  }
  const read = JSON.stringify(sorted(sums));
  if (hasReadLines && faults.length === 0 && read !== JSON.stringify(sorted(manifest.sums)))
    faults.push(`the sums of money are ${read}, and the manifest says ${JSON.stringify(manifest.sums)}`);
  return { faults, hasReadLines };
}

const sorted = (value: unknown): unknown =>
  value !== null && typeof value === "object"
    ? Object.entries(value)
        .map(([key, each]) => [key, sorted(each)])
        .sort()
    : value;
