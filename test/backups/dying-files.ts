/**
 * Loaded before a command (`--import`): kills its process at one of the files that it puts into a folder. `?folder=...&at=3&when=`:
 * `begun` once its first bytes are there, `written` before it gets its name, `named` right after.
 */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const asked = new URL(import.meta.url).searchParams;
const [folder, at, when] = [asked.get("folder") ?? "", Number(asked.get("at")), asked.get("when")];
const isOurs = (path: unknown) => String(path).startsWith(folder);
const die = () => process.kill(process.pid, "SIGKILL");
let files = 0;

const { open, rename } = fs;
Object.assign(fs, {
  async open(...given: Parameters<typeof open>) {
    const handle = await open(...given);
    if (!isOurs(given[0]) || given[1] !== "wx" || ++files !== at || when !== "begun") return handle;
    const { writeFile } = handle;
    return Object.assign(handle, {
      async writeFile(bytes: Uint8Array) {
        await writeFile.call(handle, bytes.subarray(0, Math.ceil(bytes.length / 2)));
        die();
      },
    });
  },
  async rename(...given: Parameters<typeof rename>) {
    const isIt = isOurs(given[1]) && files === at;
    if (isIt && when === "written") die();
    await rename(...given);
    if (isIt && when === "named") die();
  },
});
syncBuiltinESMExports();
