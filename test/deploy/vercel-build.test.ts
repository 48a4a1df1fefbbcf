/** The build that Vercel runs, offline, in a copy of the project; and the built function answering. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installTool } from "../../tools/install.ts";

const run = promisify(execFile);

let project = "";
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "switchyard-build-"));
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard"]);
  for (const file of stdout.split("\n").filter(Boolean)) await cp(file, join(project, file));
  await symlink(resolve("node_modules"), join(project, "node_modules"));
  await mkdir(join(project, ".vercel"));
  // what `vercel link` would have written; the packages are those of this checkout, so the build installs nothing
  const settings = {
    framework: null,
    installCommand: "true",
    buildCommand: "npm run build",
    outputDirectory: "public",
  };
  await writeFile(
    join(project, ".vercel", "project.json"),
    JSON.stringify({ projectId: "prj_offline", orgId: "team_offline", settings }),
  );
  const config = JSON.parse(await readFile(join(project, "vercel.json"), "utf8"));
  await writeFile(join(project, "vercel.json"), JSON.stringify({ ...config, installCommand: "true" }));
  await run(process.execPath, [await installTool("vercel"), "build", "--yes", "--prod", "--token", "offline"], {
    cwd: project,
    env: { ...process.env, VERCEL_TELEMETRY_DISABLED: "1", CI: "1" },
    timeout: 280_000,
  }).catch((error) => {
    throw new Error(`vercel build failed:\n${error.stdout}\n${error.stderr}`);
  });
});
afterAll(() => rm(project, { recursive: true, force: true }));

test("the build holds one function, and only public/ as static files", async () => {
  const output = join(project, ".vercel", "output");
  const functions = (await readdir(join(output, "functions"), { recursive: true })).filter((name) =>
    name.endsWith(".func"),
  );
  expect(functions).toEqual(["api/index.func"]);
  // what the rewrite of vercel.json comes to: every path under /api goes to that function
  const { routes } = JSON.parse(await readFile(join(output, "config.json"), "utf8"));
  const matching = routes.filter(({ src }: { src?: string }) => src && new RegExp(src).test("/api/expenses/x"));
  expect(matching[0]).toMatchObject({ dest: "/api" });
  const published = await readdir(join(output, "static"));
  expect(published).toContain("index.html");
  expect(published).not.toContain("package.json");
});

test("the built function answers, and carries no development database", async () => {
  const folder = join(project, ".vercel", "output", "functions", "api", "index.func");
  const files = await readdir(folder, { recursive: true });
  expect(files.filter((name) => /mongo-stand-in|pglite|@supabase\/lite|mingo/.test(name))).toEqual([]);
  const { handler } = JSON.parse(await readFile(join(folder, ".vc-config.json"), "utf8"));
  // health loads MongoDB's driver, which the function's import does not
  const script = `
    const { default: app } = await import(${JSON.stringify(join(folder, handler))});
    for (const path of ["config", "health"]) {
      const answer = await (app.fetch ?? app)(new Request("https://app.example/api/" + path));
      console.log(JSON.stringify({ status: answer.status, body: await answer.json() }));
    }
    process.exit(0);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], {
    env: {
      PATH: process.env.PATH,
      SUPABASE_URL: "https://project.supabase.co",
      SUPABASE_PUBLISHABLE_KEY: "sb_publishable_x",
      SUPABASE_SECRET_KEY: "sb_secret_x",
      MONGODB_URI: "mongodb://127.0.0.1:9",
      LOG_LEVEL: "error",
    },
  });
  const [config, health] = stdout
    .trim()
    .split("\n")
    .slice(-2)
    .map((line) => JSON.parse(line));
  expect(config).toEqual({
    status: 200,
    body: { supabaseUrl: "https://project.supabase.co", supabaseKey: "sb_publishable_x" },
  });
  // that of a driver looking for its server; one that is not in the bundle would "not answer" at once
  expect(health.body.databases.mongodb.error).toBe("MongoDB does not answer in time.");
});
