import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly bin?: Record<string, string>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly optionalDependencies?: Record<string, string>;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The project itself stands in its lock file under the empty path. */
const packagesOf = (path: string) => {
  const { packages } = JSON.parse(readFileSync(`${ROOT}${path}`, "utf8")) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(packages);
};
/** Each has a reason to run nothing: tools are installed with --ignore-scripts. */
const SCRIPTS_LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  // only checks that the program of this platform, a package of its own, is there
  "tools/vercel/package-lock.json": ["node_modules/esbuild"],
};
const FILES = ["package-lock.json", ...globSync("tools/*/package-lock.json", { cwd: ROOT }).sort()];

test("every tool has a lock file", () => {
  const tools = globSync("tools/*/package.json", { cwd: ROOT });
  expect(tools.length).toBeGreaterThan(0);
  expect(FILES).toHaveLength(tools.length + 1);
});

describe.each(FILES)("%s", (file) => {
  const packages = packagesOf(file);

  /** npm drops a platform's package that its registry lacks, silently; then nothing installs on that platform. */
  test("holds the packages of every platform", () => {
    const locked = new Set(packages.map(([path]) => path.split("node_modules/").at(-1)));
    const wanted = packages.flatMap(([, each]) => Object.keys(each.optionalDependencies ?? {}));
    expect(wanted.length).toBeGreaterThan(5);
    expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
  });

  test("says what every package holds", () =>
    expect(packages.filter(([path, each]) => path && !each.integrity).map(([path]) => path)).toEqual([]));

  /** What a script downloads stands in no lock file, and npm 10 runs them all. */
  test("brings no package that runs a script when it is installed", () => {
    const scripts = packages.filter(([path, each]) => path && each.hasInstallScript).map(([path]) => path);
    expect(scripts).toEqual(SCRIPTS_LEFT_OUT[file] ?? []);
  });
});

/** npm scripts find the command `node` of the one that fits: a Node that nobody has to install. */
test("there is a Node for each platform, and a Deno", () => {
  const locked = packagesOf("package-lock.json");
  const platforms = (those: typeof locked) => those.map(([, { os, cpu }]) => `${os}-${cpu}`).sort();
  const nodes = platforms(locked.filter(([path, { bin }]) => bin?.node && !path.includes("deno")));
  expect(nodes).toEqual(["darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64", "win32-x64"]);
  const denos = platforms(locked.filter(([path]) => path.startsWith("node_modules/@deno/")));
  expect(denos).toEqual(expect.arrayContaining(nodes));
});

/** Of lite only the command line sends telemetry, and nothing here runs that; it would bring 67 MB. */
test("no telemetry is installed", () => {
  const names = FILES.flatMap(packagesOf).map(([path]) => path);
  expect(names.filter((path) => /node_modules\/@opentelemetry\//.test(path))).toEqual([]);
  const standIns = FILES.flatMap(packagesOf).filter(([path]) => /\/@(sentry|scarf)\//.test(path));
  expect(standIns.map(([, { integrity }]) => integrity)).toEqual(Array(2).fill(expect.stringContaining("q4Mq/+XO7U")));
});
