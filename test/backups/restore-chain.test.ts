/**
 * A full backup, what changed since, and an incremental one on top, encrypted: restored into an empty system, they are what the
 * first system was at last.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chainOf } from "../../shared/backups/chain.ts";
import { compareRestored } from "../../shared/backups/drill.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { openTargets } from "../../shared/backups/restore-targets.ts";
import { connectSql } from "../../shared/backups/sql.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { backUp, commandOn, contentsOf, type Filled, fill, restoreInto, signedIn } from "./filled.ts";

let [source, target]: MovingSystem[] = [];
let folder: string;
let filled: Filled;
/** the last of the chain, and its key */
let [chainId, identity, keyFile] = ["", "", ""];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chain-"));
  [source, target] = await Promise.all(["chain_from", "chain_to"].map((prefix) => startMovingSystem(prefix)));
  filled = await fill(source as MovingSystem);
});
afterAll(async () => {
  for (const system of [source, target]) await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/**
 * One more record, one fewer and a changed one in each home; somebody new, and somebody who leaves; one who moves there and one
 * who moves back.
 */
async function change(system: MovingSystem, leaver: string): Promise<void> {
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
  const { url, secretKey } = system.control;
  const service = createClient(url, secretKey, { auth: { persistSession: false } });
  expect((await service.auth.admin.deleteUser(leaver)).error).toBeNull();
  for (const database of system.registry.values()) await database.system.purge(leaver);
}

/** What is not as the chain says in the databases of that system. */
async function differencesIn({ control, env }: MovingSystem): Promise<readonly string[]> {
  const { databases, MONGODB_DATABASE } = loadFunctionConfig(env);
  const sql = await connectSql(control.ownerUrl, 60_000);
  const targets = await openTargets({
    ...{ control: sql, databases, mongoDatabase: MONGODB_DATABASE, collections: allCollections, connectMs: 60_000 },
  });
  try {
    const storage = folderStorage(folder);
    const chain = (await chainOf(storage, chainId))._unsafeUnwrap();
    const given = { storage, chain, identity, collections: allCollections, control: sql, targets: targets.all };
    return (await compareRestored(given)).differences;
  } finally {
    await targets.close();
    await sql.close();
  }
}

test("a chain comes back as what it ends with", async () => {
  const [from, to] = [source as MovingSystem, target as MovingSystem];
  identity = await generateIdentity();
  keyFile = join(folder, "key.txt");
  await writeFile(keyFile, `${identity}\n`);
  const encrypted = `--encrypt-to=${await identityToRecipient(identity)}`;
  const leaver = await newUser<string>({ home: "supabase", on: from.control, signIn: true });
  expect((await from.callerOf(leaver)("POST", "/contacts", { name: "Gone with them" })).status).toBe(201);
  const full = await backUp(from, folder, encrypted);
  await change(from, leaver.id);
  const later = await backUp(from, folder, "--incremental", encrypted);
  chainId = later.id;
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

test("a drill of a chain with movers and leavers finds every record, tombstone and account, and nothing else", async () => {
  expect(await differencesIn(target as MovingSystem)).toEqual([]);
  const words = ["backup", "drill", chainId, `--to=${folder}`, `--identity-file=${keyFile}`, "--json"];
  const drilled = await commandOn(source as MovingSystem, ...words);
  expect(drilled).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(drilled.out)).toMatchObject({ is_same: true, differences: [] });
});

test("one record more, one newer, one altered, a tombstone less and another address are named", async () => {
  const to = target as MovingSystem;
  const [atlas, neon] = ["atlas", "neon"].map((home) => filled.users.get(home)) as [TestUser<string>, TestUser<string>];
  const contactOf = async (user: TestUser<string>): Promise<string> =>
    (await (source as MovingSystem).callerOf(user)("GET", "/contacts")).body.items[0].id;
  const [changed, altered] = [await contactOf(atlas), await contactOf(neon)];
  const gone = filled.keyed.get("atlas")?.id ?? "";

  const call = await signedIn(to, atlas.email);
  expect((await call("POST", "/contacts", { name: "More" })).status).toBe(201);
  expect((await call("PATCH", `/contacts/${changed}`, { name: "Newer" })).status).toBe(200);
  const client = new MongoClient(String(to.env.DATABASE_ATLAS));
  const _id = { user_id: new UUID(atlas.id), id: new UUID(gone) };
  expect(
    await client
      .db()
      .collection("expenses")
      .deleteOne({ _id } as never),
  ).toMatchObject({
    deletedCount: 1,
  });
  await client.close();
  const plane = await connectSql(String(to.env.DATABASE_NEON), 60_000);
  await plane.query(`do $$ begin
    perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
    update public.contacts set name = 'Altered' where id = '${altered}';
  end $$`);
  await plane.close();
  await to.control.sql("update auth.users set phone = '4915112345678' where id = $1", [neon.id]);

  const differences = (await differencesIn(to)).join("\n");
  expect(differences).toContain(`contacts ${changed} is there in a version that the backup does not have`);
  expect(differences).toContain("contacts: 1 are there that the backup does not have");
  expect(differences).toContain(`contacts ${altered} differs: name is`);
  expect(differences).toContain(`expenses ${gone} is not there`);
  expect(differences).toContain(`auth.users ${neon.id} differs in phone`);
});
