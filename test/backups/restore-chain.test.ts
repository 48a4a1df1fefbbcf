/**
 * A full backup, what changed since, and an incremental one on top, encrypted: restored into an empty system, they are what the
 * first system was at last.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { newUser } from "../setup/users.ts";
import { backUp, contentsOf, type Filled, fill, restoreInto } from "./filled.ts";

let [source, target]: MovingSystem[] = [];
let folder: string;
let filled: Filled;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chain-"));
  [source, target] = await Promise.all(["chain_from", "chain_to"].map((prefix) => startMovingSystem(prefix)));
  filled = await fill(source as MovingSystem);
});
afterAll(async () => {
  for (const system of [source, target]) await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** One more record, one fewer and a changed one in each home; somebody new; one who moves there and one who moves back. */
async function change(system: MovingSystem): Promise<void> {
  for (const [home, user] of filled.users) {
    const call = system.callerOf(user);
    const { body } = await call("GET", "/contacts");
    const [contact] = body.items;
    expect((await call("PATCH", `/contacts/${contact.id}`, { name: `Later, in ${home}` })).status).toBe(200);
    expect((await call("POST", "/contacts", { name: "Since" })).status).toBe(201);
    const { id } = filled.keyed.get(home) as { id: string };
    expect((await call("DELETE", `/expenses/${id}`)).status).toBe(204);
  }
  const since = await newUser<string>({ home: "mongodb", on: system.control, signIn: true });
  expect((await system.callerOf(since)("POST", "/contacts", { name: "New here" })).status).toBe(201);
  for (const [from, to] of [
    ["supabase", "mongodb"],
    ["mongodb", "supabase"],
  ] as const) {
    const moved = filled.users.get(from);
    expect(await system.move(moved?.id ?? "", to)).toMatchObject({ state: "kept" });
  }
}

test("a chain comes back as what it ends with", async () => {
  const [from, to] = [source as MovingSystem, target as MovingSystem];
  const identity = await generateIdentity();
  const keyFile = join(folder, "key.txt");
  await writeFile(keyFile, `${identity}\n`);
  const encrypted = `--encrypt-to=${await identityToRecipient(identity)}`;
  const full = await backUp(from, folder, encrypted);
  await change(from);
  const later = await backUp(from, folder, "--incremental", encrypted);
  expect([later.kind, later.parent]).toEqual(["incremental", full.id]);
  const whole = await backUp(from, folder);

  const restored = await restoreInto(to, folder, later.id, `--identity-file=${keyFile}`);
  const [{ n }] = (await from.control.sql("select count(*)::int as n from auth.users")) as [{ n: number }];
  expect(restored).toMatchObject({ accounts: { new: n, made: n }, refusedCount: 0 });
  const again = await backUp(to, folder);
  expect(await contentsOf(folder, again)).toEqual(await contentsOf(folder, whole));
  for (const user of filled.users.values()) {
    const one = `select database_provider as home from public.user_database_assignments where user_id = '${user.id}'`;
    expect(await to.control.sql(one)).toEqual(await from.control.sql(one));
  }
});
