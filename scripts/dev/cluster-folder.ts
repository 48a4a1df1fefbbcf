/**
 * The folder of PGlite's cluster. Making one takes seconds, and a process may be killed meanwhile: a folder that was not
 * finished is made anew, because nothing can be in it yet.
 */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";

const mark = (folder: string) => `${folder}.unfinished`;

export const isMade = (folder: string): boolean => existsSync(folder) && !existsSync(mark(folder));

/** Resolves with what is to be called once the cluster is there. */
export async function openClusterFolder(folder: string): Promise<() => Promise<void>> {
  if (!isMade(folder)) {
    // before the folder, so that there is none without it
    await writeFile(mark(folder), "");
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  return () => rm(mark(folder), { force: true });
}
