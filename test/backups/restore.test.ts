/**
 * A disaster: everything of one system, restored into the empty databases of another, by processes that are killed at every
 * step, and with every home exchanged for another engine.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Manifest } from "../../shared/backups/manifest.ts";
import { sumOf } from "../../shared/backups/manifest.ts";
import type { RestoreStep } from "../../shared/backups/restore.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { backUp, commandOn, contentsOf, type Filled, fill, restoreInto, signedIn } from "./filled.ts";

/** What a project keeps over a disaster: ids of what is made with an Idempotency-Key follow from it. */
const KEPT = { IDEMPOTENCY_SECRET: "a secret that outlives the project it was made for" };
/** Each kill comes further than the one before it; the last one has nothing left to do but the end. */
const KILLS: readonly (readonly [step: RestoreStep, nth: number])[] = [
  ["settings", 1],
  ["records", 1],
  ["records", 7],
  ["accounts", 1],
  ["ledger", 1],
];

let [source, target, crossed]: MovingSystem[] = [];
let folder: string;
let filled: Filled;
let manifest: Manifest;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "restored-"));
  [source, target, crossed] = await Promise.all(
    ["restore_from", "restore_to", "restore_crossed"].map((prefix) => startMovingSystem(prefix, KEPT)),
  );
  filled = await fill(systems().source);
  await note(systems().source, "before the disaster", 3);
  await note(systems().target, "of the new project", 5);
  manifest = await backUp(systems().source, folder);
});
afterAll(async () => {
  for (const system of [source, target, crossed]) await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});
const systems = () => ({
  source: source as MovingSystem,
  target: target as MovingSystem,
  crossed: crossed as MovingSystem,
});

/** So many lines in the audit of that system, with an outcome for each but the second. */
async function note({ control }: MovingSystem, action: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const [{ id }] = (await control.sql(
      `select public.switchyard_admin_note(null, 'operator', 'command', '${action}', array['${n}']) as id`,
    )) as [{ id: string }];
    if (n !== 2) await control.sql(`select public.switchyard_admin_note_outcome(${id}, ${n}, null, null)`);
  }
}
/** What was noted so, in its order, with the outcomes. */
const notedIn = ({ control }: MovingSystem, action: string) =>
  control.sql(
    `select a.id::int as id, a.subjects[1] as n, o.status from switchyard.admin_audit a
     left join switchyard.admin_audit_outcomes o on o.audit_id = a.id where a.action = '${action}' order by a.id`,
  ) as Promise<{ id: number; n: string; status: number | null }[]>;
const NOTED = [
  { n: "1", status: 1 },
  { n: "2", status: null },
  { n: "3", status: 3 },
];

function killedAt(system: MovingSystem, step: RestoreStep, nth: number): Promise<string | null> {
  const program = fileURLToPath(new URL("killed-restore.ts", import.meta.url));
  const own = { ...(system.env as Record<string, string>), DATABASE_URL: system.control.ownerUrl };
  const env = { PATH: process.env.PATH ?? "", ...own };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, folder, manifest.id, step, String(nth)], {
      ...{ env, stdio: ["ignore", "ignore", "inherit"] as const },
    });
    child.on("error", reject);
    child.on("exit", (_, signal) => resolve(signal));
  });
}

async function counted(system: MovingSystem): Promise<void> {
  const counts = await system.control.sql(`select d.name, d.user_count::int as counted,
      (select count(*)::int from public.user_database_assignments a where a.database_provider = d.name) as there
    from switchyard.databases d`);
  expect(counts.map(({ name }) => name).sort()).toEqual([...system.homes].sort());
  for (const { name, counted: is, there } of counts) expect([name, is, there]).toEqual([name, 1, 1]);
}

/** Everybody signs in, finds what was there, and repeats requests with the keys of before. */
async function usedAsBefore(system: MovingSystem): Promise<void> {
  for (const [home, user] of filled.users) {
    const call = await signedIn(system, user.email);
    const was = systems().source.callerOf(user);
    for (const path of ["/expenses", "/categories", "/contacts", "/customers", "/shop", "/preferences"]) {
      const [old, present] = [await was("GET", path), await call("GET", path)];
      expect([home, path, present.status, present.body]).toEqual([home, path, old.status, old.body]);
      expect(present.headers.get("etag")).toBe(old.headers.get("etag"));
    }
    const { key, body, id } = filled.keyed.get(home) as { key: string; body: object; id: string };
    expect((await call("POST", "/expenses", body, { "idempotency-key": key })).body.id).toBe(id);
    const other = await call("POST", "/expenses", { ...body, amount: "1" }, { "idempotency-key": key });
    expect(other.status).toBe(409);
    const gone = filled.deleted.get(home) as { key: string; body: object };
    expect((await call("POST", "/expenses", gone.body, { "idempotency-key": gone.key })).status).toBe(410);
  }
}

describe("before anything is written", () => {
  const refusedIn = async (change: (copy: string) => Promise<void>, ...more: string[]) => {
    const { target: to } = systems();
    const copy = await mkdtemp(join(tmpdir(), "altered-"));
    await cp(folder, copy, { recursive: true });
    await change(copy);
    const said = await commandOn(to, "backup", "restore", manifest.id, `--to=${copy}`, "--yes", ...more);
    await rm(copy, { recursive: true });
    expect(said.code).toBe(1);
    expect(await to.control.sql("select id from auth.users")).toEqual([]);
    expect(await to.control.sql("select id from public.expenses")).toEqual([]);
    return said.err;
  };
  const partOf = (collection: string) => manifest.parts.findLast((part) => part.collection === collection)?.path ?? "?";

  test("without --yes nothing is written, and what would be is said", async () => {
    const { target: to } = systems();
    const planned = await commandOn(to, "backup", "restore", manifest.id, `--to=${folder}`);
    expect(planned).toMatchObject({ code: 0, err: "" });
    expect(planned.out).toContain("Nothing was written: do it with --yes.");
    expect(planned.out).toMatch(/Accounts: 4 new,/);
    expect(planned.out).toContain("Ledger: would be restored.");
    expect(await to.control.sql("select id from auth.users")).toEqual([]);
  });

  test("a flipped byte in the last part is named", async () => {
    const path = partOf("preferences");
    const refused = await refusedIn(async (copy) => {
      const file = join(copy, manifest.id, path);
      const bytes = await readFile(file);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 3) ^ 1, bytes.length - 3);
      await writeFile(file, bytes);
    });
    expect(refused).toContain(path);
    expect(refused).toContain("its bytes were changed");
  });

  test("a part that is missing is named", async () => {
    const path = partOf("expenses");
    expect(await refusedIn((copy) => rm(join(copy, manifest.id, path)))).toContain(`${path}: the part is missing`);
  });

  test("a chain without its beginning is named", async () => {
    const refused = await refusedIn(async (copy) => {
      const text = JSON.stringify({ ...manifest, kind: "incremental", parent: "gone" });
      await writeFile(join(copy, manifest.id, "manifest.json"), text);
      await writeFile(join(copy, manifest.id, "manifest.sha256"), sumOf(text));
    });
    expect(refused).toContain("the chain is broken");
    expect(refused).toContain("gone");
  });

  test("a database that is away is named", async () => {
    const { target: to } = systems();
    const env = { ...to.env, MONGODB_URI: "mongodb://127.0.0.1:9/away", DATABASE_CONNECT_MS: "1000" };
    const said = await commandOn({ ...to, env }, "backup", "restore", manifest.id, `--to=${folder}`, "--yes");
    expect(said).toMatchObject({ code: 1, err: expect.stringContaining("MongoDB cannot be reached by MONGODB_URI") });
    expect(said.err).toContain("Nothing was written.");
    expect(await to.control.sql("select id from auth.users")).toEqual([]);
  });

  test("a wrong key, and none, are named", async () => {
    const { source: from, target: to } = systems();
    const secret = await mkdtemp(join(tmpdir(), "secret-"));
    const keys = await Promise.all([generateIdentity(), generateIdentity()]);
    const recipient = await identityToRecipient(keys[0] as string);
    const { id } = await backUp(from, secret, `--encrypt-to=${recipient}`, "--collection=contacts");
    await writeFile(join(secret, "wrong"), `${keys[1]}\n`);
    const restore = (...more: string[]) => commandOn(to, "backup", "restore", id, `--to=${secret}`, "--yes", ...more);
    expect(await restore()).toMatchObject({ code: 1, err: expect.stringContaining("no identity is given") });
    const wrong = await restore(`--identity-file=${join(secret, "wrong")}`);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("this identity does not open it") });
    await rm(secret, { recursive: true });
  });
});

describe("killed at every step, and run again", () => {
  test.each(KILLS)("killed after %s, number %i", async (step, nth) => {
    expect(await killedAt(systems().target, step, nth)).toBe("SIGKILL");
  });

  test("everything is as it was: contents, versions, times, keys, tombstones, accounts and books", async () => {
    const { target: to } = systems();
    await restoreInto(to, folder, manifest.id);
    const again = await backUp(to, folder);
    expect(await contentsOf(folder, again)).toEqual(await contentsOf(folder, manifest));
    expect(again.ledger).toEqual(manifest.ledger);
    expect(again.ledger).toMatchObject({ EUR: "10050" });
    await counted(to);
    const history = "select count(*)::int as n from switchyard.assignment_history where reason = 'restored'";
    expect(await to.control.sql(history)).toEqual([{ n: 4 }]);
  });

  test("the audit of before stands behind the project's own, once, each line with its outcome", async () => {
    const { source: from, target: to } = systems();
    const own = await notedIn(to, "of the new project");
    expect(own.map(({ n, status }) => ({ n, status }))).toEqual([
      ...NOTED,
      { n: "4", status: 4 },
      { n: "5", status: 5 },
    ]);
    const [was, came] = [await notedIn(from, "before the disaster"), await notedIn(to, "before the disaster")];
    expect(came.map(({ n, status }) => ({ n, status }))).toEqual(NOTED);
    const behind = (came[0]?.id ?? 0) - (was[0]?.id ?? 0);
    expect(came.map(({ id }) => id - behind)).toEqual(was.map(({ id }) => id));
    expect(behind).toBeGreaterThanOrEqual(own.at(-1)?.id ?? Number.POSITIVE_INFINITY);
    await note(to, "after it", 1);
    const [next] = await notedIn(to, "after it");
    expect(next?.id).toBeGreaterThan(came.at(-1)?.id ?? Number.POSITIVE_INFINITY);
  });

  test("everybody signs in with their old password, and goes on where they were", () => usedAsBefore(systems().target));

  test("a second time changes nothing", async () => {
    const { accounts, ledger, refusedCount } = await restoreInto(systems().target, folder, manifest.id);
    expect({ accounts, ledger, refusedCount }).toMatchObject({
      ...{ accounts: { living: 4, made: 0 }, ledger: "same", refusedCount: 0 },
    });
  });
});

describe("each home restored into the other engine", () => {
  test("has equal contents, versions and accounts", async () => {
    const { crossed: to } = systems();
    const homes = "supabase=mongodb,mongodb=supabase,atlas=neon,neon=atlas";
    await restoreInto(to, folder, manifest.id, `--home=${homes}`);
    const again = await backUp(to, folder);
    expect(await contentsOf(folder, again)).toEqual(await contentsOf(folder, manifest));
    await counted(to);
    for (const [home, { id }] of filled.users) {
      const [found] = await to.control.sql(
        `select database_provider as home, epoch from public.user_database_assignments where user_id = '${id}'`,
      );
      const other = { supabase: "mongodb", mongodb: "supabase", atlas: "neon", neon: "atlas" }[home];
      expect(found).toEqual({ home: other, epoch: 2 });
    }
  });

  test("and everybody goes on where they were", () => usedAsBefore(systems().crossed));
});

test("a drill restores into databases of its own, and finds it the same", async () => {
  const drilled = await commandOn(systems().source, "backup", "drill", manifest.id, `--to=${folder}`, "--json");
  expect(drilled).toMatchObject({ code: 0, err: "" });
  const { is_same, accounts, records, restored_s, bytes } = JSON.parse(drilled.out);
  expect({ is_same, accounts }).toEqual({ is_same: true, accounts: 4 });
  const collections = manifest.parts.filter(({ collection }) => !collection.includes("."));
  expect(records).toBe(collections.reduce((sum, { count }) => sum + count, 0));
  expect([restored_s > 0, bytes > 0]).toEqual([true, true]);
});
