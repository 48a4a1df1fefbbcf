/** The list of backups: what commands note of them, and what operators see of that. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { noteBackup } from "../../shared/operations/note-backup.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import type { Caller } from "../attack/caller.ts";
import { value } from "../contract/store.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { newUser } from "../setup/users.ts";

const place = "s3://bucket/production";
let system: MovingSystem;
let look: Caller;
let service: ReturnType<typeof serviceClient>;
beforeAll(async () => {
  system = await startMovingSystem("admin_backups");
  look = system.callerOf(
    await newUser<string>({ home: "mongodb", on: system.control, appMetadata: { role: "viewer" } }),
  );
  service = serviceClient({ SUPABASE_URL: system.control.url, SUPABASE_SECRET_KEY: system.control.secretKey });
});
afterAll(() => system?.stop());

const note = async (id: string, facts: Parameters<typeof noteBackup>[2]) =>
  value(await noteBackup(service, { place, id }, facts));
const list = async (query = "") => (await look("GET", `/admin/backups${query}`)).body;

test("there is none at first", async () => {
  expect(await list()).toEqual({ items: [], next_before: null, newest_verified: null, newest_drilled: null });
});

test("what is noted later of a backup is added to it; a part of everything, and one with a fault, prove nothing", async () => {
  await note("one", { kind: "full", began_at: "2026-11-01T03:00:00Z" });
  expect(await list()).toMatchObject({
    items: [{ place, id: "one", ended_at: null, databases: [], records: null, is_encrypted: false, verified_at: null }],
    newest_verified: null,
  });
  const done = { ended_at: "2026-11-01T03:05:00Z", databases: ["supabase", "mongodb"], records: 12, bytes: 3_456 };
  await note("one", done);
  await note("one", { verified_at: "2026-11-01T04:00:00Z" });
  await note("one", { drilled_at: "2026-11-01T05:00:00Z", drill_ms: 61_000 });
  const [one] = (await list()).items;
  expect(one).toEqual({
    ...{ place, id: "one", kind: "full", parent_id: null, part_of: null, is_encrypted: false, fault: null },
    ...{ began_at: "2026-11-01T03:00:00.000Z", ended_at: "2026-11-01T03:05:00.000Z" },
    ...{ databases: ["supabase", "mongodb"], records: 12, bytes: 3_456 },
    ...{ verified_at: "2026-11-01T04:00:00.000Z", drilled_at: "2026-11-01T05:00:00.000Z", drill_ms: 61_000 },
  });
  const later = { kind: "full", began_at: "2026-11-02T03:00:00Z", ended_at: "2026-11-02T03:05:00Z" } as const;
  await note("two", { ...later, part_of: "expenses", verified_at: "2026-11-02T04:00:00Z" });
  await note("three", { ...later, verified_at: "2026-11-02T04:00:00Z", fault: "a byte was flipped" });
  const began = "2026-11-01T03:00:00.000Z";
  expect(await list()).toMatchObject({ newest_verified: began, newest_drilled: began });
});

test("is one page behind the other, newest first, without what was pruned", async () => {
  const { items } = await list();
  const ids = items.map(({ id }: { id: string }) => id);
  expect(ids).toEqual(["two", "three", "one"]);
  const walked: string[] = [];
  for (let query = "?limit=1"; ; ) {
    const page = await list(query);
    walked.push(...page.items.map(({ id }: { id: string }) => id));
    if (page.next_before === null) break;
    query = `?limit=1&before=${page.next_before}`;
  }
  expect(walked).toEqual(ids);
  await note("one", { pruned_at: "2026-11-09T00:00:00Z" });
  expect(await list()).toMatchObject({ items: [{ id: "two" }, { id: "three" }], newest_verified: null });
});

test("two who note of one backup at the same time both have it noted", async () => {
  await note("four", { kind: "full", began_at: "2026-11-03T03:00:00Z" });
  await Promise.all([
    note("four", { records: 7 }),
    note("four", { bytes: 8 }),
    note("four", { fault: null }),
    note("four", { drill_ms: 9 }),
  ]);
  expect((await list()).items[0]).toMatchObject({ id: "four", records: 7, bytes: 8, drill_ms: 9 });
});

test("a user who is no operator sees nothing, nor does whoever asks for it wrongly", async () => {
  const own = system.callerOf(await system.user("supabase"));
  expect((await own("GET", "/admin/backups")).status).toBe(403);
  for (const query of ["?before=1", "?limit=0", "?before=AAAA", "?more=1"])
    expect((await look("GET", `/admin/backups${query}`)).status, query).toBe(400);
});
