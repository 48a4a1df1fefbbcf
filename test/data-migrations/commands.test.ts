/** The operator's commands: what they say, in which order they work, what they refuse, and what stands in the audit. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import type { TestUser } from "../setup/users.ts";
import { type MigratingSystem, startMigratingSystem } from "./system.ts";

const ROOT = new URL("../../", import.meta.url);
const at = (path: string) => JSON.stringify(new URL(path, ROOT).href);

let system: MigratingSystem;
let user: TestUser<string>;
let folder: string;
beforeAll(async () => {
  system = await startMigratingSystem("migratecommands");
  user = await system.userWith("mongodb", ["a", "b", null]);
});
afterAll(() => system?.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "data-migrations-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
  await system.control.sql("delete from switchyard.data_migrations");
});

async function run(line: string, isInterrupted?: () => boolean) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    env: system.env,
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    ...(isInterrupted && { isInterrupted }),
  };
  const code = await runCommand([..."migrate".split(" "), ...line.split(" "), `--folder=${folder}`], io);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** A file that puts a letter in front of each note, and takes it away again. */
const file = (name: string, letter: string, isReversible = true) =>
  writeFile(
    join(folder, `${name}.ts`),
    `import { contacts } from ${at("shared/collections/contacts.ts")};
import { defineDataMigration } from ${at("shared/definition/data-migration.ts")};
export default defineDataMigration({
  collection: contacts,
  up: ({ note }) => (note === null || note.includes("${letter}") ? null : { note: "${letter}" + note }),
  ${isReversible ? `down: ({ note }) => (note?.startsWith("${letter}") ? { note: note.slice(1) } : null),` : ""}
});
`,
  );
const notes = async () => (await system.contactsOf(user)).map(({ note }) => note);

test("in the order of their names, each once; and back to the one that is named", async () => {
  for (const [name, letter] of [
    ["20270301000000_three", "3"],
    ["20270101000000_one", "1"],
    ["20270201000000_two", "2"],
  ])
    await file(name as string, letter as string);
  expect((await run("status")).out).toMatch(
    /^name .*\n20270101000000_one +contacts +0 +pending\n20270201.*pending\n20270301.*pending$/,
  );
  const looked = await run("up --dry-run");
  expect([looked.code, looked.err]).toEqual([0, ""]);
  expect(looked.out).toContain("20270101000000_one: 2 of 3 records would change, 0 do not fit.");
  expect(await notes()).toEqual(["a", "b", null]);

  const two = await run("up --to=20270201000000_two");
  expect([two.code, two.err]).toEqual([0, ""]);
  expect(await notes()).toEqual(["21a", "21b", null]);
  expect(two.out).toContain("20270201000000_two is done: 2 records changed, all 3 looked at again.");
  const all = await run("up --json");
  expect(JSON.parse(all.out)).toEqual([
    { name: "20270301000000_three", direction: "up", changed: 2, read: 3, passes: 2 },
  ]);
  expect(await notes()).toEqual(["321a", "321b", null]);
  expect((await run("up")).out).toBe("There is nothing to be done.");
  expect((await run("up --to=20270101000000_one")).err).toContain('"20270101000000_one" is done already');
  expect((await run("up --to=20270101000000_none")).err).toContain('There is no data migration "20270101000000_none"');

  expect((await run("down")).code).toBe(2);
  expect((await run("down --last")).out).toContain("20270301000000_three is taken back: 2 records changed");
  expect(await notes()).toEqual(["21a", "21b", null]);
  expect((await run("down --to=20270101000000_one --skip-check")).code).toBe(0);
  expect(await notes()).toEqual(["a", "b", null]);
  expect(JSON.parse((await run("status --json")).out).map(({ state }: { state: string }) => state)).toEqual([
    "reverted",
    "reverted",
    "reverted",
  ]);
});

test("one without down cannot be taken back, and neither can what comes before it", async () => {
  await file("20270101000000_one", "1");
  await file("20270201000000_two", "2", false);
  expect((await run("up")).code).toBe(0);
  expect((await run("status")).out).toMatch(/20270201000000_two +contacts +no down +2 +done/);
  const refused = await run("down --to=20270101000000_one");
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(/^20270201000000_two cannot be taken back: .*Nothing was changed/),
  ]);
  expect(await notes()).toEqual(["21a", "21b", null]);
  const contacts = await system.contactsOf(user);
  for (const { id, note } of contacts)
    await system.callerOf(user)("PATCH", `/contacts/${id}`, { note: note?.slice(2) ?? null });
});

test("a file that has changed since, and one that is gone, are said", async () => {
  await file("20270101000000_one", "1");
  expect((await run("up")).code).toBe(0);
  await writeFile(
    join(folder, "20270101000000_one.ts"),
    `${await readFile(join(folder, "20270101000000_one.ts"), "utf8")}// later\n`,
  );
  expect((await run("status")).out).toContain("done; its file has changed since it was run");
  expect((await run("down --last")).code).toBe(0);
  await system.control.sql("update switchyard.data_migrations set state = 'done'");
  await rm(join(folder, "20270101000000_one.ts"));
  expect((await run("status")).out).toContain("done; its file is not here");
});

test("files that are none are refused before anything is begun", async () => {
  await file("20270101000000_one", "1");
  await writeFile(join(folder, "notes.ts"), "export default 1;");
  await writeFile(join(folder, "20270101000001_number.ts"), "export default 1;");
  await writeFile(join(folder, "20270101000002_broken.ts"), "throw new Error('broken')");
  await writeFile(join(folder, "README.md"), "is no file of this kind");
  const { code, err } = await run("up");
  expect([code, err.split("\n")]).toEqual([
    1,
    [
      "20270101000001_number.ts has no default export that defineDataMigration has made.",
      "20270101000002_broken.ts cannot be loaded: broken",
      "notes.ts is not named <yyyymmddhhmmss>_<name>.ts, in small letters, digits and _.",
    ],
  ]);
  expect(await notes()).toEqual(["a", "b", null]);
});

test("records that do not fit are named, and nothing is begun; --skip-check leaves out only the looking", async () => {
  await writeFile(
    join(folder, "20270101000000_bad.ts"),
    `import { contacts } from ${at("shared/collections/contacts.ts")};
import { defineDataMigration } from ${at("shared/definition/data-migration.ts")};
export default defineDataMigration({ collection: contacts, up: ({ note }) => (note === "a" ? { email: "none" } : note === "b" ? { note: "c" } : null), down: ({ note }) => (note === "c" ? { note: "b" } : null) });
`,
  );
  const [one] = await system.contactsOf(user);
  const reason = new RegExp(`${one?.id} \\(mongodb\\): up gives what the collection does not take: email`);
  const refused = await run("up");
  expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(reason)]);
  expect(refused.err).toContain("20270101000000_bad was not begun: 1 records do not fit.");
  expect(await notes()).toEqual(["a", "b", null]);
  expect((await run("up --dry-run")).code).toBe(1);
  const skipped = await run("up --skip-check");
  expect([skipped.code, skipped.err]).toEqual([1, expect.stringMatching(reason)]);
  expect(await notes()).toEqual(["a", "c", null]);
  expect((await run("status")).out).toContain("half done: migrate up goes on");
  // what was half done is taken back
  expect((await run("down --last")).code).toBe(0);
  expect(await notes()).toEqual(["a", "b", null]);
});

test("Ctrl-C ends it between two batches, and the same command goes on", async () => {
  await file("20270101000000_one", "1");
  const ended = await run("up --skip-check", () => true);
  expect([ended.code, ended.err]).toEqual([1, "Ended early. The same command goes on where it ended."]);
  expect((await run("up")).code).toBe(0);
  expect(await notes()).toEqual(["1a", "1b", null]);
  expect((await run("down --last")).code).toBe(0);
});

test("the audit names each migration that was run, with how it ended; what looks is not in it", async () => {
  const [before] = await system.control.sql("select coalesce(max(id), 0)::int as last from switchyard.admin_audit");
  await file("20270101000000_one", "1");
  await file("20270201000000_two", "2");
  for (const line of ["status", "up --dry-run", "up", "up", "down --to=20270101000000_one"])
    expect((await run(line)).code).toBe(0);
  expect((await run("up --skip-check", () => true)).code).toBe(1);
  expect((await run("down --last")).code).toBe(0);
  const noted = await system.control.sql<{ action: string; subjects: string[]; status: number }>(
    `select a.action, a.subjects, o.status::int from switchyard.admin_audit a
     join switchyard.admin_audit_outcomes o on o.audit_id = a.id where a.id > $1::int order by a.id`,
    [before?.last],
  );
  const [one, two] = ["20270101000000_one", "20270201000000_two"];
  expect(noted.map(({ action, subjects, status }) => [action, ...subjects, status])).toEqual([
    ["migrate up", one, 0],
    ["migrate up", two, 0],
    ["migrate down", two, 0],
    ["migrate down", one, 0],
    ["migrate up", one, 1],
    ["migrate down", one, 0],
  ]);
});

test("the example of the documentation loads, and does what it says", async () => {
  const example = fileURLToPath(new URL("examples/data-migrations/20270101090000_tidy_contact_names.ts", ROOT));
  const { default: migration } = await import(pathToFileURL(example).href);
  expect(migration.up({ name: " Ann  B. " })).toEqual({ name: "Ann B." });
  expect(migration.up({ name: "Ann B." })).toBeNull();
  // as it stands in data-migrations/, one folder less deep
  await cp(example, join(folder, "20270101090000_tidy_contact_names.ts"));
  const copied = join(folder, "20270101090000_tidy_contact_names.ts");
  const text = await readFile(copied, "utf8");
  await writeFile(copied, text.replaceAll('"../../shared/', `"${new URL("shared/", ROOT).href}`));
  const { code, out } = await run("up");
  expect([code, out]).toEqual([0, expect.stringContaining("0 records changed, all 3 looked at again")]);
});
