/**
 * A backup while everybody writes, and while one of them moves, restored into the other engine: every record stands as it was at
 * some moment of the backup, what was told to be done before it began is there, and nothing of what began after it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { callerOf } from "../attack/caller.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { PATIENT } from "../setup/patience.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { backUp, restoreInto, signedIn } from "./filled.ts";
import { expectOneMoment, type LoggedWriter, startLoggedWriter } from "./logged-writer.ts";

/** What a project keeps over a disaster: ids of what is made with an Idempotency-Key follow from it. */
const KEPT = { IDEMPOTENCY_SECRET: "a secret that outlives the project it was made for" };
const CROSSED = "supabase=mongodb,mongodb=supabase,atlas=neon,neon=atlas";
/** Writes of each user before the backup, and after it. */
const SOME = 12;

let [source, target]: MovingSystem[] = [];
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "under-load-"));
  [source, target] = await Promise.all(["load_from", "load_to"].map((prefix) => startMovingSystem(prefix, KEPT)));
});
afterAll(async () => {
  for (const system of [source, target]) await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

/** Contacts of one who signs in there, by id. */
async function found(system: MovingSystem, email: string) {
  const call = await signedIn(system, email);
  const all = new Map<string, { version: number; name: string }>();
  for (let cursor = ""; ; ) {
    const { status, body } = await call(
      "GET",
      `/contacts?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    expect(status).toBe(200);
    for (const { id, version, name } of body.items) all.set(id, { version, name });
    if (!body.next_cursor) return { all, call };
    cursor = body.next_cursor;
  }
}

test("one moment of everything, in the other engine", async () => {
  const [from, to] = [source as MovingSystem, target as MovingSystem];
  const users: TestUser<string>[] = [];
  for (const home of [...from.homes, "supabase", "mongodb"])
    users.push(await newUser<string>({ home, on: from.control, signIn: true }));
  const [there, back] = users.slice(-2) as [TestUser<string>, TestUser<string>];
  const second = await from.instance();
  const writers = users.map((user) => startLoggedWriter([from.callerOf(user), callerOf(second, user)]));
  const more = async (count: number) => {
    const before = writers.map((writer) => writer.acknowledged());
    const has = (writer: LoggedWriter, at: number) => writer.acknowledged() >= (before[at] ?? 0) + count;
    await vi.waitUntil(() => writers.every(has), PATIENT);
  };
  await more(SOME);
  const moving = (async () => {
    await from.move(there.id, "mongodb");
    await from.move(back.id, "supabase");
  })();
  const began = performance.now();
  const manifest = await backUp(from, folder);
  const ended = performance.now();
  await moving;
  await more(SOME);
  await Promise.all(writers.map((writer) => writer.stop()));

  const restored = await restoreInto(to, folder, manifest.id, `--home=${CROSSED}`);
  expect(restored.refusedCount).toBe(0);
  for (const [at, { email }] of users.entries()) {
    const writer = writers[at] as LoggedWriter;
    const { all, call } = await found(to, email);
    expectOneMoment(writer, all, { began, ended });
    const kept = [...writer.log].find(([id]) => all.has(id));
    if (!kept) throw new Error("nothing came back");
    const [id, { key, first }] = kept;
    const repeated = await call("POST", "/contacts", { name: first }, { "idempotency-key": key });
    expect([repeated.status, repeated.body.id]).toEqual([201, id]);
  }
});
