/** What a backup on real servers cannot know of, and is refused for: copies that went while it was made, imports that were taken back. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BSON } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBackup } from "../../shared/backups/create.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { schemaHash } from "../../shared/backups/manifest.ts";
import { openSources } from "../../shared/backups/sources.ts";
import { listBackups } from "../../shared/backups/verify.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";
import { legacyUser, MAP, transaction, wallet } from "../imports/legacy.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { backUp, commandOn } from "./filled.ts";

/** bcrypt's own example: nobody signs in with it */
const HASH = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

let system: MovingSystem;
let folder: string;
beforeAll(async () => {
  system = await startMovingSystem("create_refused");
  folder = await mkdtemp(join(tmpdir(), "create-refused-"));
});
afterAll(async () => {
  await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** As the command does, with what happens once the snapshots are taken and before they are read. */
async function createdWhile(meanwhile: () => Promise<unknown>) {
  const { databases, MONGODB_DATABASE } = loadFunctionConfig(system.env);
  const { sources, close, ...read } = await openSources({
    ...{ controlUrl: system.control.ownerUrl, databases, mongoDatabase: MONGODB_DATABASE },
    ...{ collections: allCollections, connectMs: 60_000, only: null, parent: null },
  });
  try {
    await meanwhile();
    return await createBackup({
      ...{ ...read, storage: folderStorage(folder), sources, schema_hash: schemaHash(allCollections) },
      ...{ kind: "full", parent: null, only: null, recipient: null },
    });
  } finally {
    await close();
  }
}
const finished = async () => [...(await listBackups(folderStorage(folder))).values()].filter((one) => one !== null);

test("a copy that was taken away since the snapshot: refused, and what was written is no backup", async () => {
  const user = await system.user("mongodb");
  expect((await system.callerOf(user)("POST", "/contacts", { name: "Carried" })).status).toBe(201);
  const made = createdWhile(async () => {
    expect(await system.move(user.id, "supabase")).toMatchObject({ state: "kept" });
    expect((await system.moves.clean([user.id]))._unsafeUnwrap()).toBe(1);
    expect((await system.finish(user.id)).state).toBe("cleaned");
  });
  await expect(made).rejects.toThrow("1 users were moved while this backup was made");
  expect(await finished()).toEqual([]);

  // that it was moved and cleaned before is no reason, nor is a move whose copy is there
  const other = await system.user("supabase");
  expect((await system.callerOf(other)("POST", "/contacts", { name: "Still there" })).status).toBe(201);
  const whole = await createdWhile(async () => {
    expect(await system.move(other.id, "mongodb")).toMatchObject({ state: "kept" });
  });
  expect((await finished()).map(({ id }) => id)).toEqual([whole.id]);
});

test("an import that was taken back: what goes on from before it is refused, and from after it is not", async () => {
  const from = await mkdtemp(join(tmpdir(), "source-"));
  const user = legacyUser("taken-back@example.com", HASH);
  const bank = wallet(user._id, "Bank");
  const spent = transaction(user._id, bank._id);
  for (const [name, document] of Object.entries({ users: user, wallets: bank, transactions: spent }))
    await writeFile(join(from, `${name}.ndjson`), BSON.EJSON.stringify(document, { relaxed: false }));
  const imported = await commandOn(system, "import", `--from=${from}`, `--map=${MAP}`, "--json");
  expect(imported).toMatchObject({ code: 0 });
  const { run } = JSON.parse(imported.out) as { run: number };
  await rm(from, { recursive: true });

  const full = await backUp(system, folder);
  const goesOn = await backUp(system, folder, "--incremental");
  expect(goesOn.parent).toBe(full.id);
  expect(await commandOn(system, "import", "undo", String(run))).toMatchObject({ code: 0 });
  const before = await readdir(folder);
  const refused = await commandOn(system, "backup", "create", "--incremental", `--to=${folder}`);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(`Import ${run} was taken back after`) });
  expect(refused.err).toContain("Make a full one: backup create --full.");
  expect(await readdir(folder)).toEqual(before);

  const anew = await backUp(system, folder);
  // clocks of this machine and of the database may differ by minutes, and the import was taken back longer ago than that
  await system.control.sql("update switchyard.import_users set changed_at = changed_at - interval '1 hour'");
  expect((await backUp(system, folder, "--incremental")).parent).toBe(anew.id);
  // one that is still being taken back has records that go without a trace, however long ago it was begun
  await system.control.sql("update switchyard.import_users set state = 'undoing'");
  const undoing = await commandOn(system, "backup", "create", "--incremental", `--to=${folder}`);
  expect(undoing).toMatchObject({ code: 1, err: expect.stringContaining(`Import ${run} is being taken back`) });
});
