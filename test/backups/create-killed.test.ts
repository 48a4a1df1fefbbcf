/**
 * `backup create` against real servers, killed (SIGKILL) at every file that it puts into its folder: what it leaves is never taken
 * for a backup, the same command again makes what an undisturbed one makes, and `prune` takes away the rest.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import type { Manifest } from "../../shared/backups/manifest.ts";
import { pruneBackups } from "../../shared/backups/prune.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { backUp, commandOn, contentsOf, fill } from "./filled.ts";

const PROGRAM = fileURLToPath(new URL("../../scripts/switchyard.ts", import.meta.url));
const WHEN = ["begun", "written", "named"] as const;

let system: MovingSystem;
let base: string;
beforeAll(async () => {
  system = await startMovingSystem("create_killed");
  base = await mkdtemp(join(tmpdir(), "create-killed-"));
  await fill(system);
});
afterAll(async () => {
  await system?.stop();
  if (base) await rm(base, { recursive: true });
});

interface Death {
  /** of its files, from 1 */
  file: number;
  when: (typeof WHEN)[number];
}

/** A process of its own, as an operator's. By what it ended. */
function killed(folder: string, { file, when }: Death, options: readonly string[]): Promise<string | null> {
  const own = { ...(system.env as Record<string, string>), DATABASE_URL: system.control.ownerUrl };
  const dies = new URL("dying-files.ts", import.meta.url);
  dies.search = String(new URLSearchParams({ folder, at: String(file), when }));
  const words = ["--import", dies.href, PROGRAM, "backup", "create", `--to=${folder}`, ...options];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, {
      ...{ env: { PATH: process.env.PATH ?? "", ...own }, stdio: ["ignore", "ignore", "inherit"] as const },
    });
    child.on("error", reject);
    child.on("exit", (_, signal) => resolve(signal));
  });
}

const finishedIn = async (folder: string): Promise<string[]> => {
  const listed = await commandOn(system, "backup", "list", `--to=${folder}`, "--json");
  const all = JSON.parse(listed.out) as { id: string; manifest: Manifest | null }[];
  return all.filter(({ manifest }) => manifest !== null).map(({ id }) => id);
};

/** Two at once: what one leaves is nothing to another. */
async function dieAt(folder: string, deaths: readonly Death[], options: readonly string[]): Promise<void> {
  const left = [...deaths];
  const work = async () => {
    for (let death = left.shift(); death; death = left.shift())
      expect([death, await killed(folder, death, options)]).toEqual([death, "SIGKILL"]);
  };
  await Promise.all([work(), work()]);
}

const filesOf = ({ parts }: Manifest) => parts.length + 2;
/** Each file at one of its moments, in turns; the sum and the manifest, which come last, at all that make no backup. */
const eachOf = (files: readonly number[], all: number): Death[] =>
  files.flatMap((file): Death[] => {
    if (file < all - 1) return [{ file, when: WHEN[file % WHEN.length] ?? "begun" }];
    return WHEN.filter((when) => file < all || when !== "named").map((when) => ({ file, when }));
  });

async function equalsUndisturbed(folder: string, undisturbed: string, options: readonly string[]): Promise<Manifest> {
  const [again, expected] = [await backUp(system, folder, ...options), await backUp(system, undisturbed, ...options)];
  expect(await contentsOf(folder, again)).toEqual(await contentsOf(undisturbed, expected));
  const counts = ({ parts }: Manifest) => parts.map(({ path, count, tombstones }) => [path, count, tombstones]);
  const own = (manifest: Manifest) => counts(manifest).filter(([path]) => !String(path).startsWith("switchyard."));
  expect(own(again)).toEqual(own(expected));
  expect(await commandOn(system, "backup", "verify", again.id, `--to=${folder}`)).toMatchObject({ code: 0, err: "" });
  return again;
}

async function onlyTheseStay(folder: string, ids: readonly string[]): Promise<void> {
  // of today, and somebody's who may be making it
  expect(await commandOn(system, "backup", "prune", `--to=${folder}`)).toMatchObject({ code: 0 });
  expect((await readdir(folder)).length).toBeGreaterThan(ids.length);
  await pruneBackups(folderStorage(folder), { now: new Date(Date.now() + 25 * 3_600_000) });
  expect((await readdir(folder)).sort()).toEqual([...ids].sort());
}

test("of some collections: killed at every file, from the first to the manifest", async () => {
  const [folder, other] = [join(base, "part"), join(base, "part-undisturbed")];
  const options = ["--collection=contacts,expenses"];
  const files = filesOf(await backUp(system, other, ...options));
  await dieAt(
    folder,
    eachOf(
      Array.from({ length: files }, (_, n) => n + 1),
      files,
    ),
    options,
  );
  expect(await finishedIn(folder)).toEqual([]);
  // named, it is one, whatever becomes of whoever made it
  await dieAt(folder, [{ file: files, when: "named" }], options);
  const [whole] = await finishedIn(folder);
  expect(await commandOn(system, "backup", "verify", `--to=${folder}`)).toMatchObject({ code: 0, err: "" });
  const again = await equalsUndisturbed(folder, other, options);
  expect((await finishedIn(folder)).sort()).toEqual([whole, again.id].sort());
  await onlyTheseStay(folder, [again.id]);
});

test("of everything, and what goes on from it: killed at the first file, in the middle and at the manifest", async () => {
  const [folder, other] = [join(base, "all"), join(base, "all-undisturbed")];
  const files = filesOf(await backUp(system, other));
  const chosen = [1, Math.ceil(files / 2), files];
  await dieAt(folder, eachOf(chosen, files), []);
  expect(await finishedIn(folder)).toEqual([]);
  const full = await equalsUndisturbed(folder, other, []);

  const increment = ["--incremental"];
  await dieAt(folder, eachOf(chosen, files), increment);
  expect(await finishedIn(folder)).toEqual([full.id]);
  const later = await equalsUndisturbed(folder, other, increment);
  expect(later.parent).toBe(full.id);
  await onlyTheseStay(folder, [full.id, later.id]);
});
