/**
 * Command line tools that neither `npm start` nor `npm test` needs. Each folder here is a package of its own with a lock
 * file, and is installed on first use, below node_modules/.cache, so that `npm install` stays small.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Each command, with the folder and the package that bring it. */
const TOOLS = {
  biome: { folder: "checks", name: "@biomejs/biome" },
  knip: { folder: "checks", name: "knip" },
  supabase: { folder: "supabase", name: "supabase" },
  vercel: { folder: "vercel", name: "vercel" },
} as const;
export type Tool = keyof typeof TOOLS;

const CACHE = fileURLToPath(new URL("../node_modules/.cache/switchyard-tools/", import.meta.url));
const FILES = ["package.json", "package-lock.json"] as const;
const source = (folder: string, file: string) => fileURLToPath(new URL(`${folder}/${file}`, import.meta.url));

export class NotInstalled extends Error {
  override readonly name = "NotInstalled";
}

export const isTool = (name: string): name is Tool => Object.hasOwn(TOOLS, name);
export const toolNames = Object.keys(TOOLS);

/**
 * The tool's entry point, a JavaScript file for Node; installs its folder when that has not been done for this lock file.
 * Throws `NotInstalled` when npm cannot.
 */
export async function installTool(tool: Tool): Promise<string> {
  const { folder, name } = TOOLS[tool];
  const hash = createHash("sha256");
  for (const file of FILES) hash.update(await readFile(source(folder, file)));
  const place = join(CACHE, `${folder}-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(place)) await install(folder, place);
  const installed = join(place, "node_modules", name);
  const { bin } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
    bin: string | Record<string, string>;
  };
  return join(installed, typeof bin === "string" ? bin : (bin[tool] ?? ""));
}

/** Beside its place, and moved there when complete: an install that was broken off, or runs twice at once, does no harm. */
async function install(folder: string, place: string): Promise<void> {
  await sweep(folder);
  const unfinished = `${place}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  for (const file of FILES) await copyFile(source(folder, file), join(unfinished, file));
  console.error(`Installing tools/${folder}, once.`);
  if (!(await npmCi(unfinished))) {
    await rm(unfinished, { recursive: true, force: true });
    throw new NotInstalled(`tools/${folder} could not be installed from its lock file: see what npm says above.`);
  }
  try {
    await rename(unfinished, place);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(place)) throw error;
  }
}

/** Removes what earlier lock files, and installs that were broken off, have left of the folder. */
async function sweep(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  for (const name of await readdir(CACHE)) {
    const [, owner] = /^[a-z]+-[0-9a-f]+(?:\.(\d+))?$/.exec(name) ?? [];
    if (!name.startsWith(`${folder}-`) || (owner && runs(Number(owner)))) continue;
    await rm(join(CACHE, name), { recursive: true, force: true });
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function npmCi(folder: string): Promise<boolean> {
  // --prefix: npm would take the project around the folder for its own. What npm says goes where errors do: the
  // tool's output may be read by a program.
  const options = ["ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
  return new Promise((resolve) => {
    const npm = spawn("npm", options, {
      cwd: folder,
      stdio: ["ignore", 2, 2],
      shell: process.platform === "win32",
    });
    npm.once("error", () => resolve(false));
    npm.once("close", (code) => resolve(code === 0));
  });
}
