/** The folder with everything that the development server keeps: made, marked, locked and cleared here. */
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeWhole } from "../whole-file.ts";
import { holderOf, takeLock } from "./folder-lock.ts";
import { type Keys, newKeys } from "./keys.ts";

const MARKER = "SWITCHYARD";
const LOCK = "running";
const KEYS = "keys.json";
const DEMO = "demo.json";

/** A folder that cannot be used, in one sentence. */
export class FolderRefused extends Error {
  override readonly name = "FolderRefused";
}

interface DemoState {
  /** The day from which the demo's records count back: the same one again when it goes on, so that they are the same. */
  readonly day: string;
  readonly done: boolean;
}

export interface DataFolder {
  readonly path: string;
  readonly keys: Keys;
  inside(name: string): string;
  /** What is known of the demo; undefined before its first try. */
  demo(): DemoState | undefined;
  recordDemo(state: DemoState): Promise<void>;
  release(): Promise<void>;
}

/** Makes the folder ours, or takes it up again. Throws `FolderRefused` when it is someone else's or in use. */
export async function openDataFolder(name: string): Promise<DataFolder> {
  const path = resolve(name);
  const existed = existsSync(path);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error) => {
    throw new FolderRefused(`SWITCHYARD_DATA is ${path}, which cannot be made a folder: ${error.message}.`);
  });
  const inside = (file: string) => join(path, file);
  if (!existsSync(inside(MARKER))) {
    if (existed && (await readdir(path)).length > 0)
      throw new FolderRefused(`SWITCHYARD_DATA is ${path}, which holds something else: name an empty or a new folder.`);
    await writeFile(
      inside(MARKER),
      "Switchyard keeps its development data here. `npm run reset` clears this folder.\n",
    );
  }
  const release = await takeLock(inside(LOCK));
  if (typeof release === "number") throw inUse(path, release);
  return {
    path,
    keys: await keys(inside(KEYS)),
    inside,
    demo: () => (existsSync(inside(DEMO)) ? (JSON.parse(readFileSync(inside(DEMO), "utf8")) as DemoState) : undefined),
    recordDemo: (state) => writeWhole(inside(DEMO), `${JSON.stringify(state)}\n`),
    release,
  };
}

/** Clears a folder that is ours and not in use; says what it did. */
export async function clearDataFolder(name: string): Promise<string> {
  const path = resolve(name);
  if (!existsSync(path)) return `There is no ${path}: nothing to clear.`;
  if (!existsSync(join(path, MARKER)))
    throw new FolderRefused(`${path} does not look like Switchyard's data, so nothing was cleared.`);
  const holder = await holderOf(join(path, LOCK));
  if (holder) throw inUse(path, holder);
  await rm(path, { recursive: true, force: true });
  return `Cleared ${path}.`;
}

const inUse = (path: string, pid: number) =>
  new FolderRefused(
    `SWITCHYARD_DATA is ${path}, which a running system uses (process ${pid}): stop that one, or name another folder.`,
  );

async function keys(file: string): Promise<Keys> {
  if (!existsSync(file)) {
    // a system killed here must not leave half a key
    await writeWhole(file, `${JSON.stringify(newKeys(), null, 2)}\n`);
  }
  await chmod(file, 0o600);
  return JSON.parse(await readFile(file, "utf8")) as Keys;
}
