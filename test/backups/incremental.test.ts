/** Backups that go on from another, on real servers: what is newer, what was deleted, and who has moved. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPart } from "../../shared/backups/codec.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { type Manifest, sumOf } from "../../shared/backups/manifest.ts";
import { storedOfLine } from "../../shared/backups/record-lines.ts";
import { contacts } from "../../shared/collections/contacts.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { commandOn } from "./filled.ts";

let system: MovingSystem;
let folder: string;
beforeAll(async () => {
  system = await startMovingSystem("increments");
  folder = await mkdtemp(join(tmpdir(), "backups-"));
});
afterAll(async () => {
  await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const command = (...words: string[]) => commandOn({ ...system, env: { ...system.env, BACKUP_TO: folder } }, ...words);
async function created(...words: string[]): Promise<Manifest> {
  const made = await command("backup", "create", ...words, "--json");
  expect(made).toMatchObject({ code: 0, err: "" });
  return JSON.parse(made.out);
}

/** Contacts by id, as a restore would see them: the later line stands. */
async function contactsIn(...manifests: Manifest[]) {
  const found = new Map<string, { in: string; name: unknown }>();
  for (const { id, parts } of manifests)
    for (const part of parts.filter(({ collection }) => collection === "contacts"))
      for await (const line of readPart(folderStorage(folder), id, part, null)) {
        const stored = storedOfLine(contacts, line);
        const name = "record" in stored ? stored.record.name : null;
        found.set(String("record" in stored ? stored.record.id : stored.id), { in: part.database, name });
      }
  return found;
}

/** As if that long had passed since: the manifest's instants, and its sum. */
async function backdate({ id }: Manifest, days: number) {
  const file = join(folder, id, "manifest.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  manifest.began_at = new Date(Date.parse(manifest.began_at) - days * 86_400_000).toISOString();
  const text = JSON.stringify(manifest);
  await writeFile(file, text);
  await writeFile(join(folder, id, "manifest.sha256"), sumOf(text));
}

test("a chain has what a full one would have, and begins anew where it cannot go on", async () => {
  const nothing = await command("backup", "create", "--incremental");
  expect(nothing).toMatchObject({ code: 1, err: expect.stringContaining("backup create --full") });

  const expected = new Map<string, { in: string; name: unknown }>();
  const callers = [];
  for (const home of system.homes) {
    const user = await system.user(home);
    const call = system.callerOf(user);
    callers.push({ home, user, call });
    for (const name of ["stays", "changes", "goes"]) {
      const { body } = await call("POST", "/contacts", { name });
      expected.set(body.id, { in: home, name });
    }
  }
  const mover = await system.user("supabase");
  const moving = await system.callerOf(mover)("POST", "/contacts", { name: "carried" });
  expected.set(moving.body.id, { in: "supabase", name: "carried" });

  const full = await created("--full");
  expect(await contactsIn(full)).toEqual(expected);
  expect(full).toMatchObject({ kind: "full", parent: null, only: null });

  // records keep their versions when they move: newer than nothing, and elsewhere
  const { home: third } = callers.at(-1) ?? { home: "mongodb" };
  expect(await system.move(mover.id, third)).toMatchObject({ state: "kept" });
  expected.set(moving.body.id, { in: third, name: "carried" });
  for (const { home, call } of callers) {
    for (const [id, { in: where, name }] of [...expected]) {
      if (where !== home) continue;
      if (name === "changes") {
        expect((await call("PATCH", `/contacts/${id}`, { name: "changed" })).status).toBe(200);
        expected.set(id, { in: home, name: "changed" });
      }
      if (name === "goes") {
        expect((await call("DELETE", `/contacts/${id}`)).status).toBe(204);
        expected.set(id, { in: home, name: null });
      }
    }
  }
  const next = await created("--incremental");
  expect(next).toMatchObject({ kind: "incremental", parent: full.id });
  expect(await contactsIn(full, next)).toEqual(expected);

  const last = await created("--incremental");
  expect(last.parent).toBe(next.id);
  expect(await contactsIn(full, next, last)).toEqual(expected);
  // the newest, and with it the whole chain
  const verified = await command("backup", "verify", "--json");
  expect(verified).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(verified.out)).toMatchObject({ id: last.id, chain: [full.id, next.id, last.id], faults: [] });
  const noted = await system.control.sql(
    "select id, verified_at is not null as whole from switchyard.backups order by began_at",
  );
  expect(noted).toEqual([full, next, last].map(({ id }) => ({ id, whole: true })));

  // one user's, and one collection's, are no parents
  const [{ user, home }] = callers as [(typeof callers)[number]];
  const own = await created(`--user=${user.id}`);
  expect(new Set([...(await contactsIn(own)).values()].map((each) => each.in))).toEqual(new Set([home]));
  expect(own.parts.find(({ collection }) => collection === "auth.users")?.count).toBe(1);
  const some = await created("--collection=contacts");
  expect(new Set((await contactsIn(some)).keys())).toEqual(new Set(expected.keys()));
  expect(some.parts.some(({ collection }) => collection === "expenses")).toBe(false);
  expect((await created("--incremental")).parent).toBe(last.id);
});

test("a broken chain, one that is too old, and a database that was set back are refused", async () => {
  const full = await created("--full");
  const next = await created("--incremental");
  await rm(join(folder, full.id, "manifest.json"));
  const broken = await command("backup", "verify", next.id);
  expect(broken).toMatchObject({ code: 1, err: expect.stringContaining("the chain is broken") });
  const refused = await command("backup", "create", "--incremental");
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("the chain is broken") });

  const other = await created("--full");
  await backdate(other, 7);
  const old = await command("backup", "create", "--incremental");
  expect(old).toMatchObject({ code: 1, err: expect.stringContaining("kept for 7 days") });

  const call = system.callerOf(await system.user("mongodb"));
  const { body } = await call("POST", "/contacts", { name: "lost" });
  await created("--full");
  const client = new MongoClient(String(system.env.MONGODB_URI));
  try {
    const { deletedCount } = await client.db().collection("contacts").deleteOne({ name: "lost" });
    expect(deletedCount).toBe(1);
  } finally {
    await client.close();
  }
  const back = await command("backup", "create", "--incremental");
  expect(back).toMatchObject({ code: 1, err: expect.stringContaining(`${body.id} was in`) });
  expect(back.err).toContain("set back");
});
