/** What an edge function imports, on whatever way: only packages that its own deno.json maps are deployed with it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const FUNCTIONS = new URL("supabase/functions/", ROOT);
const IMPORT =
  /^\s*(?:import|export)\b(?!\s+type\b)[^;"']*?from\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Packages that a file and all it leads to import; types are gone by then. */
function packagesFrom(file: URL, seen = new Set<string>()): Set<string> {
  const packages = new Set<string>();
  if (seen.has(file.href)) return packages;
  seen.add(file.href);
  for (const [, from, bare, dynamic] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const specifier = from ?? bare ?? dynamic ?? "";
    if (specifier.startsWith(".")) for (const name of packagesFrom(new URL(specifier, file), seen)) packages.add(name);
    else packages.add(specifier);
  }
  return packages;
}

const read = (file: URL) => JSON.parse(readFileSync(file, "utf8")) as Record<string, Record<string, string>>;
const { dependencies = {} } = read(new URL("package.json", ROOT));
const functions = readdirSync(FUNCTIONS, { withFileTypes: true }).filter((entry) => entry.isDirectory());

test.each(functions.map(({ name }) => name))("%s maps every package, in the version of package.json", (name) => {
  const { imports = {} } = read(new URL(`${name}/deno.json`, FUNCTIONS));
  const needed = [...packagesFrom(new URL(`${name}/index.ts`, FUNCTIONS))].filter((each) => !each.startsWith("node:"));
  expect(needed).toContain("mongodb");
  expect(needed.filter((each) => !(each in imports))).toEqual([]);
  for (const [each, mapped] of Object.entries(imports)) expect(mapped).toBe(`npm:${each}@${dependencies[each]}`);
});
