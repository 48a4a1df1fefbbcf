/**
 * A process of its own that makes or prunes a backup in a folder, and is killed at one step of what it does to that folder:
 * `node dying.ts create|prune <folder> <step> before|during|after`. Prints how many steps there were, where it lives.
 */
import { pruneBackups } from "../../shared/backups/prune.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import type { BackupStorage } from "../../shared/backups/storage.ts";
import { makeBackup } from "./made.ts";

const [what, folder = "", at, when] = process.argv.slice(2);
const storage = folderStorage(folder);
let steps = 0;
const die = () => process.kill(process.pid, "SIGKILL");

async function step(work: () => Promise<void>, half: () => Promise<void>): Promise<void> {
  const isIt = ++steps === Number(at);
  if (isIt && when === "before") die();
  await (isIt && when === "during" ? half() : work());
  if (isIt) die();
}

const dying: BackupStorage = {
  ...storage,
  put: (path, bytes) =>
    step(
      () => storage.put(path, bytes),
      () =>
        storage.put(
          path,
          (async function* () {
            for await (const chunk of bytes) {
              yield chunk.subarray(0, Math.ceil(chunk.length / 2));
              die();
            }
          })(),
        ),
    ),
  delete: (path) => step(() => storage.delete(path), async () => undefined),
  clear: (id) =>
    step(
      () => storage.clear(id),
      async () => {
        for await (const path of storage.list(`${id}/`)) return storage.delete(path);
      },
    ),
};

if (what === "create") await makeBackup(dying);
else await pruneBackups(dying, { retention: { daily: 1, weekly: 1, monthly: 1 }, now: new Date("2026-11-29T12:00:00Z") });
console.log(steps);
