import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Folders (and a file) from the ground up: a file imports from its own folder and from those below, never beside or above. */
const LAYERS: readonly (readonly string[])[] = [
  ["shared/values"],
  ["shared/definition"],
  ["shared/contract", "shared/log.ts", "shared/deadlines.ts", "shared/write-behind.ts"],
  ["shared/redis"],
  ["shared/cache", "shared/limits"],
  ["shared/repository"],
  ["shared/postgres", "shared/mongo"],
  ["shared/http"],
  ["shared/placement", "shared/replication", "shared/moves", "shared/imports"],
  // the application's own, which none of the above knows
  ["shared/collections"],
  ["shared/reports", "shared/rooms", "shared/ledger", "shared/metrics"],
  ["shared/backups", "shared/data-migrations"],
  ["shared/overview"],
  ["shared/operations"],
];
/** Entry points, and what each may import beside shared/. Nothing in shared/ imports any of them. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  api: [],
  "supabase/functions": [],
  client: ["api"],
  "data-migrations": [],
  "examples/data-migrations": [],
  scripts: ["api"],
  web: ["client"],
};
const CONFIG = "shared/config.ts";
/** What the variables mean, and do not hold: how long things may take by default, and which homes and databases they name. */
const MEANINGS = [
  "shared/deadlines.ts",
  "shared/limits/settings.ts",
  "shared/mongo/database-name.ts",
  "shared/placement/configured-databases.ts",
  "shared/repository/quotas.ts",
  "shared/values/bytes.ts",
];
const MAX_LINES = 400;
const MAX_MEDIAN = 120;

interface Source {
  path: string;
  text: string;
  lines: number;
  imports: string[];
}

function read(folder: string, ending: RegExp): Source[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name) && !entry.parentPath.includes("node_modules"))
    .map((entry) => {
      const full = join(entry.parentPath, entry.name);
      const text = readFileSync(full, "utf8");
      const path = full.slice(ROOT.length);
      return { path, text, lines: text.split("\n").length - 1, imports: importsOf(path, text) };
    });
}

/** The project's own files that a file imports, as paths from the root. */
function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\b([^;"']*?)from\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return (
    [...found]
      .map(([, names = "", from, bare, dynamic]) => ({ names, specifier: from ?? bare ?? dynamic ?? "" }))
      .filter(({ specifier }) => specifier.startsWith("."))
      // Vite's: the file as a text
      .map(({ names, specifier }) => ({ names, to: normalize(join(dirname(path), specifier.replace(/\?raw$/, ""))) }))
      // its types are no environment: whoever takes the configuration as an argument may name them
      .filter(({ names, to }) => to !== CONFIG || !/^\s*type\b/.test(names))
      .map(({ to }) => to)
  );
}

const shared = read("shared", /\.ts$/);
const entries = Object.keys(ENTRIES).flatMap((folder) => read(folder, /\.tsx?$/));
const code = [...shared, ...entries];

const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
const layerOf = (path: string) => LAYERS.findIndex((folders) => folders.some((folder) => within(path, folder)));
const folderOf = (path: string) => LAYERS.flat().find((folder) => within(path, folder));
const entryOf = (path: string) => Object.keys(ENTRIES).find((folder) => within(path, folder));

/** Why one file may not import another; undefined when it may. */
function offence(from: string, to: string): string | undefined {
  const said = `${from} imports ${to}`;
  const entry = entryOf(from);
  if (entry) {
    const other = entryOf(to);
    return other && other !== entry && !ENTRIES[entry]?.includes(other) ? `${said}: another entry point` : undefined;
  }
  if (from === CONFIG)
    return within(to, "shared") && !MEANINGS.includes(to)
      ? `${said}: the configuration knows but what its variables mean`
      : undefined;
  if (to === CONFIG) return `${said}: only entry points read the environment`;
  if (!within(to, "shared")) return `${said}: shared/ knows no entry point`;
  if (layerOf(to) > layerOf(from)) return `${said}: a layer above`;
  if (layerOf(to) === layerOf(from) && folderOf(to) !== folderOf(from)) return `${said}: its neighbour`;
  return undefined;
}

describe("imports", () => {
  test("there are files to read, and imports in them", () => {
    expect(shared.length).toBeGreaterThan(15);
    expect(code.flatMap(({ imports }) => imports).length).toBeGreaterThan(30);
  });

  test("every file of shared/ has a layer", () =>
    expect(shared.map(({ path }) => path).filter((path) => path !== CONFIG && layerOf(path) < 0)).toEqual([]));

  test("point one way only", () =>
    expect(code.flatMap(({ path, imports }) => imports.map((to) => offence(path, to))).filter(Boolean)).toEqual([]));

  test("an offender is named", () => {
    expect(offence("shared/contract/a.ts", "shared/mongo/b.ts")).toMatch("a layer above");
    expect(offence("shared/postgres/a.ts", "shared/mongo/b.ts")).toMatch("its neighbour");
    expect(offence("shared/mongo/a.ts", "api/b.ts")).toMatch("no entry point");
    expect(offence("shared/mongo/a.ts", CONFIG)).toMatch("environment");
    expect(offence(CONFIG, "shared/placement/router.ts")).toMatch("what its variables mean");
    for (const to of MEANINGS) expect(offence(CONFIG, to)).toBeUndefined();
    expect(offence("api/a.ts", "scripts/b.ts")).toMatch("another entry point");
    expect(offence("shared/mongo/a.ts", "shared/values/b.ts")).toBeUndefined();
    expect(importsOf("a/b.ts", 'import {\n  c,\n  d,\n} from "../c/d.ts";\nexport * from "./e.ts";')).toEqual([
      "c/d.ts",
      "a/e.ts",
    ]);
  });

  test("name the file, with its ending, and it is there", () => {
    const missing = code.flatMap(({ path, imports }) =>
      imports.filter((to) => !/\.(tsx?|json)$/.test(to) || !existsSync(join(ROOT, to))).map((to) => `${path}: ${to}`),
    );
    expect(missing).toEqual([]);
  });

  test("make no cycles", () => expect(cycle(new Map(code.map(({ path, imports }) => [path, imports])))).toEqual([]));

  test("a cycle is found", () =>
    expect(
      cycle(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]],
        ]),
      ),
    ).toEqual(["b", "c", "b"]));
});

/** The first cycle, as the files on it; empty when there is none. */
function cycle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      const found = visit(next, [...trail, path]);
      if (found.length > 0) return found;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const found = visit(path, []);
    if (found.length > 0) return found;
  }
  return [];
}

describe("files", () => {
  test("read the environment in one place", () => {
    // setting a variable for a library that reads it itself is no reading
    const reading = /(?<!Object\.assign\()\bprocess\.env\b(?!\.\w+ = )|\bDeno\.env\b/;
    const readers = code.filter(({ path, text }) => path !== CONFIG && reading.test(text)).map(({ path }) => path);
    expect(readers).toEqual([]);
  });

  test("stay short", () => {
    const sql = read("supabase/migrations", /\.sql$/);
    const all = [...code, ...sql, ...read("test", /\.ts$/), ...read("bench", /\.ts$/)];
    expect(all.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines} lines`)).toEqual(
      [],
    );
    const lengths = all.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(MAX_MEDIAN);
  });

  test("are named in kebab-case, for what they hold", () => {
    const odd = code
      .map(({ path }) => path)
      // these go by the order of their names
      .filter((path) => !/^(examples\/)?data-migrations\/\d{14}_[a-z0-9_]+\.ts$/.test(path))
      .filter(
        (path) =>
          !/^[a-z0-9/_-]*\/_?[a-z0-9-]+(\.d)?\.tsx?$/.test(path) || /\b(utils?|helpers?|lib|common)\b/.test(path),
      );
    expect(odd).toEqual([]);
  });
});
