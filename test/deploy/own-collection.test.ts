/** The README's example of a collection of one's own, followed to the letter in a copy of the project. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installTool } from "../../tools/install.ts";
import { freePorts, groupLives, npm, type Started } from "../integration/start-child.ts";

const run = promisify(execFile);
let project = "";
let system: Started | undefined;

/** The first fenced block of the language after that text of the README. */
async function example(after: string, language: string): Promise<string> {
  const readme = await readFile("README.md", "utf8");
  const block = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme.slice(readme.indexOf(after)))?.[1];
  if (!block) throw new Error(`the README has no ${language} example after "${after}"`);
  return block;
}

const inProject = (command: string, args: string[]) =>
  run(command, args, {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1" },
  }).catch((error) => {
    throw new Error(`${command} ${args.join(" ")} failed:\n${error.stdout}\n${error.stderr}`);
  });

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "switchyard-own-"));
  const { stdout } = await run("git", ["ls-files", "-co", "--exclude-standard"]);
  for (const file of stdout.split("\n").filter(Boolean)) await cp(file, join(project, file));
  await symlink(resolve("node_modules"), join(project, "node_modules"));

  const index = join(project, "shared/collections/index.ts");
  const lines = (await readFile(index, "utf8"))
    .replace(
      'import { shops } from "./shops.ts";\n',
      (line) => `${line}import { subscriptions } from "./subscriptions.ts";\n`,
    )
    .replace("  loan_payments: loanPayments,\n", (line) => `${line}  subscriptions,\n`);
  await writeFile(join(project, "shared/collections/subscriptions.ts"), await example("**1. One definition**", "ts"));
  await writeFile(index, lines);
  await inProject("sh", ["-c", await example("**3. Its printed migration", "sh")]);
});
afterAll(async () => {
  if (system && groupLives(system)) {
    system.signal("SIGINT");
    await system.ended;
  }
  await rm(project, { recursive: true, force: true });
});

test("it type-checks, and keeps to the project's style", async () => {
  await inProject("npm", ["run", "--silent", "types"]);
  await inProject("node", [await installTool("biome"), "check", "--error-on-warnings", "shared/collections"]);
});

test("the suites that go over every collection pass, the contract among them", async () => {
  const over = ["test/contract", "schema-postgres", "schema-mongo", "isolation-api", "isolation-rest"];
  const { stdout } = await inProject("npx", [
    "vitest",
    "run",
    "--project",
    "embedded",
    "--reporter",
    "verbose",
    ...over,
  ]);
  expect(stdout).toContain("subscriptions.category_id");
});

describe("its API", () => {
  const body = { name: "Music", amount: "9.99", currency: "EUR", period: "monthly", renews_on: "2026-12-01" };
  let api = "";
  const tokens: string[] = [];
  const call = async (token: string, method: string, path: string, json?: unknown) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = { method, headers, ...(json !== undefined && { body: JSON.stringify(json) }) };
    const response = await fetch(`${api}${path}`, init);
    const text = await response.text();
    return { status: response.status, value: text ? JSON.parse(text) : null };
  };

  beforeAll(async () => {
    const [port, supabasePort] = await freePorts(2);
    const env = { PORT: String(port), SUPABASE_PORT: String(supabasePort), SWITCHYARD_DEMO: "0" };
    system = npm("start", env, project);
    await system.said("Ready.");
    api = `http://127.0.0.1:${port}/api`;
    const { supabaseUrl, supabaseKey } = (await (await fetch(`${api}/config`)).json()) as Record<string, string>;
    for (const email of ["one@own.test", "two@own.test"]) {
      const client = createClient(supabaseUrl ?? "", supabaseKey ?? "", { auth: { persistSession: false } });
      const { data, error } = await client.auth.signUp({ email, password: "correct horse" });
      if (error) throw error;
      tokens.push(data.session?.access_token ?? "");
    }
  });

  test("works in both homes: its reference, its unique key, its money, its choices and its tags", async () => {
    const homes = await Promise.all(tokens.map(async (token) => (await call(token, "GET", "/me")).value.home));
    expect(homes.sort()).toEqual(["mongodb", "supabase"]);
    for (const token of tokens) {
      const category = await call(token, "POST", "/categories", { name: "Fun", kind: "expense" });
      const whole = { ...body, category_id: category.value.id, tags: ["fun", "monthly"] };
      const made = await call(token, "POST", "/subscriptions", whole);
      expect([made.status, made.value]).toEqual([201, expect.objectContaining(whole)]);
      const refused = async (change: object) => {
        const { status, value } = await call(token, "POST", "/subscriptions", { ...body, name: "Other", ...change });
        return [status, value.errors?.[0]?.field ?? value.code];
      };
      expect(await refused({ name: "Music" })).toEqual([409, expect.anything()]);
      expect(await refused({ category_id: crypto.randomUUID() })).toEqual([422, "category_id"]);
      expect(await refused({ amount: "0" })).toEqual([422, "amount"]);
      expect(await refused({ period: "daily" })).toEqual([422, "period"]);
      expect(await refused({ tags: [""] })).toEqual([422, "tags.0"]);
      expect((await call(token, "DELETE", `/categories/${category.value.id}`)).value.code).toBe("referenced");
      expect((await call(token, "GET", "/subscriptions?period=monthly&q=mus")).value.items).toHaveLength(1);
      const { value } = await call(token, "GET", "/subscriptions/summary?by=period");
      expect(value).toMatchObject({ items: [{ key: "monthly", currency: "EUR", sum: "9.99", count: 1 }] });
    }
  });

  test("is documented", async () => {
    const { value } = await call("", "GET", "/openapi.json");
    const paths = Object.keys(value.paths).filter((path) => path.includes("subscriptions"));
    expect(paths.map((path) => path.replace(/^.*\/subscriptions/, "")).sort()).toEqual([
      "",
      "/batch",
      "/count",
      "/export.csv",
      "/import.csv",
      "/summary",
      "/{id}",
    ]);
    expect(value.components.schemas.Subscription).toBeDefined();
  });
});
