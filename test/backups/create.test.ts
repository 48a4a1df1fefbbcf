/** A backup of real servers by the command itself: every home, tombstones, users; verified, and refused once it is altered. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPart } from "../../shared/backups/codec.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import type { Manifest } from "../../shared/backups/manifest.ts";
import { isTombstone, type Line, recordOfLine } from "../../shared/backups/record-lines.ts";
import { contacts } from "../../shared/collections/contacts.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { commandOn } from "./filled.ts";

let system: MovingSystem;
let folder: string;
beforeAll(async () => {
  system = await startMovingSystem("backups");
  folder = await mkdtemp(join(tmpdir(), "backups-"));
});
afterAll(async () => {
  await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const command = (...words: string[]) => commandOn(system, ...words);

test("everything of every home comes back from the lines as the API tells it", async () => {
  const told = new Map<string, Record<string, unknown>>();
  const gone = new Set<string>();
  for (const home of system.homes) {
    const call = system.callerOf(await system.user(home));
    for (const name of ["Ann", "Bob"]) {
      const { status, body } = await call("POST", "/contacts", { name: `${name} of ${home}` });
      expect(status).toBe(201);
      told.set(body.id, body);
    }
    const { body } = await call("POST", "/contacts", { name: "Cid" });
    expect((await call("DELETE", `/contacts/${body.id}`)).status).toBe(204);
    gone.add(body.id);
  }
  // what a move leaves in the earlier home is no record any more
  const mover = await system.user("mongodb");
  const { body: carried } = await system.callerOf(mover)("POST", "/contacts", { name: "Dan" });
  expect(await system.move(mover.id, "supabase")).toMatchObject({ state: "kept" });
  told.set(carried.id, carried);

  const made = await command("backup", "create", `--to=${folder}`, "--json");
  expect(made).toMatchObject({ code: 0, err: "" });
  const manifest: Manifest = JSON.parse(made.out);
  expect(manifest.databases.map(({ name }) => name).sort()).toEqual([...system.homes].sort());

  const storage = folderStorage(folder);
  const lines: Line[] = [];
  for (const part of manifest.parts.filter(({ collection }) => collection === "contacts"))
    for await (const line of readPart(storage, manifest.id, part, null)) lines.push(line);
  const records = lines.flatMap((line) => recordOfLine(contacts, line) ?? []);
  for (const record of records as { id: string }[])
    expect(record).toMatchObject(told.get(record.id) ?? { unexpected: record });
  expect(records).toHaveLength(told.size);
  expect(
    lines
      .filter(isTombstone)
      .map(({ id }) => String(id))
      .sort(),
  ).toEqual([...gone].sort());
  const users = manifest.parts.filter(({ collection }) => collection === "auth.users");
  expect(users.reduce((sum, { count }) => sum + count, 0)).toBe(system.homes.length + 1);

  expect(await command("backup", "verify", manifest.id, `--to=${folder}`)).toMatchObject({ code: 0 });
  expect((await command("backup", "list", `--to=${folder}`)).out).toContain(manifest.id);

  const [part] = manifest.parts.filter(({ collection }) => collection === "contacts");
  const file = join(folder, manifest.id, part?.path ?? "");
  const bytes = await readFile(file);
  bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
  await writeFile(file, bytes);
  const refused = await command("backup", "verify", manifest.id, `--to=${folder}`);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(part?.path ?? "?") });

  const said = await readFile(join(folder, manifest.id, "manifest.json"), "utf8");
  await writeFile(join(folder, manifest.id, "manifest.json"), said.replace('"missing"', '"missing" '));
  const altered = await command("backup", "verify", manifest.id, `--to=${folder}`);
  expect(altered).toMatchObject({ code: 1, err: expect.stringContaining("manifest.json is altered") });

  await rm(join(folder, manifest.id, "manifest.json"));
  expect((await command("backup", "list", `--to=${folder}`)).out).toContain("not finished");
  expect(await command("backup", "verify", manifest.id, `--to=${folder}`)).toMatchObject({ code: 1 });
});
