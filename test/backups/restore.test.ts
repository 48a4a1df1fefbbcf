/** A disaster: everything of one system, restored into the empty databases of another. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Manifest } from "../../shared/backups/manifest.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { backUp, commandOn, contentsOf, type Filled, fill } from "./filled.ts";

const PASSWORD = "correct horse battery staple";

let [source, target]: MovingSystem[] = [];
let folder: string;
let filled: Filled;
let manifest: Manifest;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "restored-"));
  source = await startMovingSystem("restore_from");
  filled = await fill(source);
  manifest = await backUp(source, folder);
  target = await startMovingSystem("restore_to");
});
afterAll(async () => {
  await source?.stop();
  await target?.stop();
  if (folder) await rm(folder, { recursive: true });
});
const systems = () => ({ source: source as MovingSystem, target: target as MovingSystem });

test("without --yes nothing is written, and what would be is said", async () => {
  const { target: to } = systems();
  const planned = await commandOn(to, "backup", "restore", manifest.id, `--to=${folder}`);
  expect(planned).toMatchObject({ code: 0, err: "" });
  expect(planned.out).toContain("Nothing was written: do it with --yes.");
  expect(planned.out).toMatch(/Accounts: 4 new,/);
  expect(planned.out).toContain("Ledger: would be restored.");
  expect(await to.control.sql("select id from auth.users")).toEqual([]);
});

test("everything is as it was: contents, versions, times, keys, tombstones, accounts and books", async () => {
  const { target: to } = systems();
  const done = await commandOn(to, "backup", "restore", manifest.id, `--to=${folder}`, "--yes");
  expect(done).toMatchObject({ code: 0, err: "" });
  const again = await backUp(to, folder);
  const [before, after] = [await contentsOf(folder, manifest), await contentsOf(folder, again)];
  expect([...after.keys()]).toEqual([...before.keys()]);
  expect(after).toEqual(before);
  expect(again.ledger).toEqual(manifest.ledger);
  expect(again.ledger).toMatchObject({ EUR: "10050" });
  const counts = await to.control.sql(`select d.name, d.user_count::int as counted,
      (select count(*)::int from public.user_database_assignments a where a.database_provider = d.name) as there
    from switchyard.databases d`);
  expect(counts.map(({ name }) => name).sort()).toEqual([...to.homes].sort());
  for (const { name, counted, there } of counts) expect([name, counted, there]).toEqual([name, 1, 1]);
});

test("everybody signs in with their old password, reads their records, and a repeated request is the same one", async () => {
  const { source: from, target: to } = systems();
  for (const [home, user] of filled.users) {
    const anyone = createClient(to.control.url, to.control.publishableKey, { auth: { persistSession: false } });
    const { data, error } = await anyone.auth.signInWithPassword({ email: user.email, password: PASSWORD });
    expect(error).toBeNull();
    const call = to.callerOf({ jwt: data.session?.access_token ?? "" });
    const was = from.callerOf(user);
    for (const path of ["/expenses", "/categories", "/contacts", "/customers", "/shop", "/preferences"]) {
      const [old, present] = [await was("GET", path), await call("GET", path)];
      expect([home, path, present.status, present.body]).toEqual([home, path, old.status, old.body]);
    }
    const { key, body, id } = filled.keyed.get(home) as { key: string; body: object; id: string };
    const repeated = await call("POST", "/expenses", body, { "idempotency-key": key });
    expect(repeated.body.id).toBe(id);
    const other = await call("POST", "/expenses", { ...body, amount: "1" }, { "idempotency-key": key });
    expect(other.status).toBe(409);
    const gone = filled.deleted.get(home) as { key: string; body: object };
    expect((await call("POST", "/expenses", gone.body, { "idempotency-key": gone.key })).status).toBe(410);
  }
});

test("a second time changes nothing", async () => {
  const { target: to } = systems();
  const before = await contentsOf(folder, await backUp(to, folder));
  const again = await commandOn(to, "backup", "restore", manifest.id, `--to=${folder}`, "--yes", "--json");
  expect(again).toMatchObject({ code: 0, err: "" });
  const { accounts, ledger, refusedCount } = JSON.parse(again.out);
  expect({ accounts, ledger, refusedCount }).toMatchObject({ accounts: { living: 4, made: 0 }, ledger: "same", refusedCount: 0 });
  expect(await contentsOf(folder, await backUp(to, folder))).toEqual(before);
});
