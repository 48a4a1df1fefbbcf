/**
 * The web pages: their source is in web/, and Vite makes public/ of it, where a deployment publishes them and the
 * development system serves them. `npm start` builds them only when they are not those of the source as it is.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { processEnvironment } from "../../shared/config.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = join(ROOT, "web");
const PUBLISHED = join(ROOT, "public");
/** Which source the published pages were made of. It is published, too, and says nothing but that. */
const STAMP = join(PUBLISHED, "admin", "built-from.txt");
/** What the pages are made of: their source, the client of the API, the packages and how they are built. */
const INPUTS = ["web", "client", "README.md", "package-lock.json", "scripts/dev/pages.ts"];
const PAGES = /^(?!.*node_modules).*index\.html$/;

/**
 * Builds all pages and puts them in their place. Scripts and styles have names made of their content and come first, the
 * pages that load them after; whoever builds at the same time writes the same files.
 */
export async function buildPages(): Promise<void> {
  // Vite takes longer to load than a start that has nothing to build may be delayed
  const { build } = await import("vite");
  const stamp = await sourceStamp();
  const pages = (await readdir(SOURCE, { recursive: true })).filter((name) => PAGES.test(name));
  // beside what it becomes: a rename works within one file system only
  const made = await mkdtemp(join(PUBLISHED, ".built-"));
  try {
    await build({
      configFile: false,
      root: SOURCE,
      publicDir: false,
      logLevel: "warn",
      oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
      build: {
        outDir: made,
        emptyOutDir: true,
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        target: "es2023",
        rolldownOptions: { input: pages.map((name) => join(SOURCE, name)) },
      },
    });
    await rm(STAMP, { force: true });
    // the first page links to it, and browsers save what calls itself Markdown
    await cp(join(ROOT, "README.md"), join(PUBLISHED, "readme.txt"));
    await cp(join(made, "assets"), join(PUBLISHED, "assets"), { recursive: true });
    for (const name of pages) {
      const to = join(PUBLISHED, name);
      await cp(join(made, name), `${to}.new`);
      await rename(`${to}.new`, to);
    }
    const current = new Set(await readdir(join(made, "assets")));
    for (const name of await readdir(join(PUBLISHED, "assets")))
      if (!current.has(name)) await rm(join(PUBLISHED, "assets", name), { force: true });
    await writeFile(STAMP, stamp);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** Builds them where they are missing or older than their source, in a process of its own; rejects when that fails. */
export async function ensurePages(cancel: AbortSignal): Promise<void> {
  const built = await readFile(STAMP, "utf8").catch(() => "");
  if (built === (await sourceStamp())) return;
  // the build's memory and threads go with its process, and a test makes the same pages as a deployment
  const env = { ...processEnvironment(), NODE_ENV: "production" };
  const child = spawn(process.execPath, [join(ROOT, "scripts/build-pages.ts")], {
    env,
    signal: cancel,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(said.trim() || `It ended with ${code}.`)),
    );
  });
}

/** A digest of everything that the pages are made of. */
async function sourceStamp(): Promise<string> {
  const digest = createHash("sha256");
  for (const input of INPUTS)
    for (const path of await filesOf(join(ROOT, input)))
      digest.update(`${relative(ROOT, path)}\n`).update(await readFile(path));
  return digest.digest("hex");
}

async function filesOf(path: string): Promise<string[]> {
  if (/\.\w+$/.test(path)) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
