/** SIGKILL at every step that a backup, or taking backups away, does to the folder; whoever comes next ends where it would have. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chainOf } from "../../shared/backups/chain.ts";
import { readPart } from "../../shared/backups/codec.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import type { Manifest } from "../../shared/backups/manifest.ts";
import { pruneBackups } from "../../shared/backups/prune.ts";
import type { BackupStorage } from "../../shared/backups/storage.ts";
import { listBackups, noteVerified, verifyBackup } from "../../shared/backups/verify.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { makeBackup } from "./made.ts";

const DYING = fileURLToPath(new URL("dying.ts", import.meta.url));
let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "backups-"));
});
afterEach(() => rm(base, { recursive: true }));

interface Ended {
  signal: string | null;
  steps: number;
}
const run = (...words: (string | number)[]) =>
  new Promise<Ended>((resolve, reject) => {
    execFile(process.execPath, [DYING, ...words.map(String)], (error, out, err) => {
      if (error && error.signal !== "SIGKILL") reject(new Error(err));
      else resolve({ signal: error?.signal ?? null, steps: Number(out) });
    });
  });

async function* files(folder: string) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) yield join(entry.parentPath, entry.name).slice(folder.length + 1);
}
async function contentOf(folder: string) {
  const found: Record<string, string> = {};
  for await (const path of files(folder)) found[path] = await readFile(join(folder, path), "base64");
  return found;
}
async function recordsOf(storage: BackupStorage, manifest: Manifest) {
  const lines: unknown[] = [];
  for (const part of manifest.parts)
    for await (const line of readPart(storage, manifest.id, part, null)) lines.push([part.path, line]);
  return lines;
}

const WHEN = ["before", "during", "after"] as const;

test("a backup that is killed is none, and the next one equals an undisturbed one", async () => {
  const undisturbed = folderStorage(join(base, "undisturbed"));
  const expected = await makeBackup(undisturbed);
  const { steps } = await run("create", join(base, "counted"), 0, "before");
  // three parts, the sum and the manifest
  expect(steps).toBe(5);
  for (let step = 1; step <= steps; step++)
    await Promise.all(WHEN.map(async (when) => {
      const folder = join(base, `${step}-${when}`);
      expect([step, when, (await run("create", folder, step, when)).signal]).toEqual([step, when, "SIGKILL"]);
      const storage = folderStorage(folder);
      const isFinished = step === steps && when === "after";
      const left = [...(await listBackups(storage)).values()].filter((one) => one !== null);
      expect([step, when, left.length]).toEqual([step, when, isFinished ? 1 : 0]);

      const now = new Date("2026-11-30T06:00:00Z");
      const again = await makeBackup(storage, { now });
      expect({ ...again, id: "", began_at: "", ended_at: "" }).toEqual({ ...expected, id: "", began_at: "", ended_at: "" });
      expect(await recordsOf(storage, again)).toEqual(await recordsOf(undisturbed, expected));
      expect((await verifyBackup(storage, again, allCollections, null)).faults).toEqual([]);
      // a day later what was begun goes, as far as it had come
      await pruneBackups(storage, { now: new Date(now.getTime() + 25 * 3_600_000) });
      const ids = isFinished ? [left[0]?.id, again.id] : [again.id];
      expect([step, when, (await readdir(folder)).sort()]).toEqual([step, when, ids.sort()]);
    }));
});

test("taking away that is killed is ended by the next, and never breaks what stays", async () => {
  const template = join(base, "template");
  const storage = folderStorage(template);
  const made = (day: string, more: Parameters<typeof makeBackup>[1] = {}) =>
    makeBackup(storage, { now: new Date(`2026-11-${day}T06:00:00Z`), ...more });
  const gone = await made("24");
  const goneToo = await made("25", { kind: "incremental", parent: gone.id });
  const root = await made("26");
  await noteVerified(storage, root.id, "2026-11-26T07:00:00Z", []);
  const between = await made("27", { kind: "incremental", parent: root.id });
  const last = await made("28", { kind: "incremental", parent: between.id });

  const undisturbed = join(base, "undisturbed");
  await cp(template, undisturbed, { recursive: true });
  const { steps } = await run("prune", undisturbed, 0, "before");
  expect(steps).toBe(2 * 3);
  expect((await readdir(undisturbed)).sort()).toEqual([root.id, between.id, last.id].sort());
  const expected = await contentOf(undisturbed);

  for (let step = 1; step <= steps; step++)
    await Promise.all(WHEN.map(async (when) => {
      const folder = join(base, `${step}-${when}`);
      await cp(template, folder, { recursive: true });
      expect([step, when, (await run("prune", folder, step, when)).signal]).toEqual([step, when, "SIGKILL"]);
      // whatever is still a backup can be restored from, with all that it goes on from
      const left = folderStorage(folder);
      for (const [id, manifest] of await listBackups(left)) {
        if (!manifest) continue;
        expect([step, when, id, (await chainOf(left, id)).isOk()]).toEqual([step, when, id, true]);
        expect((await verifyBackup(left, manifest, allCollections, null)).faults).toEqual([]);
      }
      expect((await run("prune", folder, 0, "before")).signal).toBeNull();
      expect([step, when, await contentOf(folder)]).toEqual([step, when, expected]);
    }));
  expect(goneToo.parent).toBe(gone.id);
});
