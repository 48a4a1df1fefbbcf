/** The files of `data-migrations/`: which there are, and what they export. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { allCollections } from "../shared/collections/index.ts";
import type { LoadedMigration } from "../shared/data-migrations/run.ts";
import { isDataMigration } from "../shared/definition/data-migration.ts";

const FOLDER = fileURLToPath(new URL("../data-migrations/", import.meta.url));
const NAME = /^\d{14}_[a-z0-9_]+\.ts$/;

/** Something is wrong with the files; the message says with which, and what. */
export class UnfitFiles extends Error {}

/** By name. None, where there is no such folder. Throws `UnfitFiles`. */
export async function readDataMigrations(folder: string = FOLDER): Promise<LoadedMigration[]> {
  const all = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && folder === FOLDER) return [];
    throw new UnfitFiles(`${folder} cannot be read: ${error.message}`);
  });
  const files = all.filter((name) => /\.[cm]?[jt]s$/.test(name)).sort();
  const problems: string[] = [];
  const loaded: LoadedMigration[] = [];
  for (const file of files) {
    if (!NAME.test(file)) {
      problems.push(`${file} is not named <yyyymmddhhmmss>_<name>.ts, in small letters, digits and _.`);
      continue;
    }
    const found = await load(join(folder, file), file.slice(0, -".ts".length));
    if (typeof found === "string") problems.push(`${file} ${found}`);
    else loaded.push(found);
  }
  if (problems.length > 0) throw new UnfitFiles(problems.join("\n"));
  return loaded;
}

async function load(path: string, name: string): Promise<LoadedMigration | string> {
  const text = await readFile(path, "utf8");
  let migration: unknown;
  try {
    ({ default: migration } = await import(pathToFileURL(path).href));
  } catch (error) {
    return `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!isDataMigration(migration)) return "has no default export that defineDataMigration has made.";
  const { collection } = migration;
  if (!allCollections.includes(collection))
    return `is about "${collection.name}", which is no collection of shared/collections/index.ts.`;
  return { name, checksum: createHash("sha256").update(text).digest("hex"), migration };
}
