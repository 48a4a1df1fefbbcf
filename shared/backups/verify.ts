/** Whether a backup is whole: every byte, every line, and what its manifest counts. */
import { err, ok, type Result } from "neverthrow";
import { z } from "zod";
import type { Collection } from "../definition/define.ts";
import { BadPart, checkPart, readPart } from "./codec.ts";
import { MANIFEST, MANIFEST_SUM, type Manifest, parseManifest, sumOf } from "./manifest.ts";
import { type BackupStorage, isId, NotStored, readText, readTextIfStored } from "./storage.ts";
import { addSums, emptyTally, tallied } from "./tally.ts";

/** The manifest, or why nothing may be restored from there. */
export async function readManifest(storage: BackupStorage, id: string): Promise<Result<Manifest, string>> {
  if (!isId(id)) return err(`"${id}" is no name of a backup: name it as \`backup list\` does`);
  try {
    const text = await readText(storage, `${id}/${MANIFEST}`);
    const sum = (await readTextIfStored(storage, `${id}/${MANIFEST_SUM}`))?.trim() ?? null;
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

/** By id, oldest first; null: it was never finished. */
export async function listBackups(storage: BackupStorage): Promise<Map<string, Manifest | null>> {
  const all = new Map<string, Manifest | null>();
  for await (const id of storage.ids()) all.set(id, (await readManifest(storage, id)).unwrapOr(null));
  return all;
}

/** Why there is no manifest to be read where `listBackups` has none; null: it was never finished. */
export async function whyUnreadable(storage: BackupStorage, id: string): Promise<string | null> {
  if ((await readTextIfStored(storage, `${id}/${MANIFEST}`)) === null) return null;
  return (await readManifest(storage, id)).match(
    () => null,
    (problem) => problem,
  );
}

/**
 * The newest that is finished: of everything, or, where there is none, of what there is; null: there is none. The error is a
 * sentence: a newer one has a manifest that cannot be read, and nobody is to take an older one for the newest.
 */
export async function newestBackup(storage: BackupStorage): Promise<Result<string | null, string>> {
  const all = await listBackups(storage);
  const finished = [...all.values()].filter((one) => one !== null);
  const newest = (finished.findLast(({ only }) => only === null) ?? finished.at(-1))?.id ?? null;
  for (const [id, manifest] of all) {
    const problem = manifest === null && id > (newest ?? "") ? await whyUnreadable(storage, id) : null;
    if (problem !== null) return err(`${problem}. The newest one that can be read is ${newest}: name it to use that`);
  }
  return ok(newest);
}

/** Beside the parts, so that it is known wherever they are. */
const VERIFIED = "verified.json";
const verifiedSchema = z.object({ at: z.iso.datetime(), faults: z.array(z.string()) });

/** When it was last verified, and what was wrong then; null: never. */
export async function verificationOf(storage: BackupStorage, id: string) {
  const text = await readTextIfStored(storage, `${id}/${VERIFIED}`);
  if (text === null) return null;
  try {
    return verifiedSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export async function noteVerified(storage: BackupStorage, id: string, at: string, faults: readonly string[]) {
  const text = `${JSON.stringify({ at, faults })}\n`;
  await storage.put(
    `${id}/${VERIFIED}`,
    (async function* () {
      yield Buffer.from(text);
    })(),
  );
}

export interface Verified {
  /** what is wrong, in sentences; none: it is whole */
  faults: string[];
  /** false: it is encrypted, no identity is given, and only its bytes were compared */
  hasReadLines: boolean;
  /** the faults are those of the key, and not of the backup */
  isWrongKey: boolean;
}

/** Of this one alone: whoever goes on from it verifies its chain (chain.ts). */
export async function verifyBackup(
  storage: BackupStorage,
  manifest: Manifest,
  collections: readonly Collection[],
  identity: string | null,
): Promise<Verified> {
  const faults: string[] = [];
  const sums: Manifest["sums"] = {};
  let isWrongKey = false;
  const hasReadLines = manifest.recipient === null || identity !== null;
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
      // each part would say the same
      if (error.kind === "wrong key") {
        isWrongKey = true;
        break;
      }
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
  return { faults, hasReadLines, isWrongKey };
}

const sorted = (value: unknown): unknown =>
  value !== null && typeof value === "object"
    ? Object.entries(value)
        .map(([key, each]) => [key, sorted(each)])
        .sort()
    : value;
