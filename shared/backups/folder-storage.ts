/** Backups in a folder of this machine. A file has its name only once all of it is on the disk. */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type BackupStorage, checkedPath, isId, NotStored } from "./storage.ts";

/** What a process that died has left; no path of a backup begins so. */
const UNFINISHED = ".unfinished-";

export function folderStorage(folder: string): BackupStorage {
  const root = resolve(folder);
  const fileOf = (path: string) => join(root, checkedPath(path));
  return {
    place: root,
    async put(path, bytes) {
      const file = fileOf(path);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      const unfinished = join(dirname(file), `${UNFINISHED}${randomUUID()}`);
      try {
        const handle = await open(unfinished, "wx", 0o600);
        try {
          for await (const chunk of bytes) await handle.writeFile(chunk);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(unfinished, file);
        await syncFolder(dirname(file));
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    async *get(path) {
      try {
        for await (const chunk of createReadStream(fileOf(path))) yield chunk as Uint8Array;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new NotStored(path);
        throw error;
      }
    },
    async *ids() {
      const entries = await entriesOf(root).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw error;
      });
      yield* entries
        .filter((entry) => entry.isDirectory() && isId(entry.name))
        .map(({ name }) => name)
        .sort();
    },
    list: (prefix) => filesUnder(root, "", prefix),
    delete: (path) => rm(fileOf(path), { force: true }),
    clear: (id) => rm(fileOf(id), { recursive: true, force: true }),
  };
}

/** The new name is on the disk, too; a machine that cannot open folders for that goes without. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!["EISDIR", "EPERM", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

async function* filesUnder(root: string, at: string, prefix: string): AsyncIterable<string> {
  let entries: Awaited<ReturnType<typeof entriesOf>>;
  try {
    entries = await entriesOf(join(root, at));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = at === "" ? entry.name : `${at}/${entry.name}`;
    if (entry.isDirectory()) {
      if (`${path}/`.startsWith(prefix) || prefix.startsWith(`${path}/`)) yield* filesUnder(root, path, prefix);
    } else if (!entry.name.startsWith(UNFINISHED) && path.startsWith(prefix)) yield path;
  }
}

const entriesOf = (folder: string) => readdir(folder, { withFileTypes: true });
