/** What operators see and change by the API, and what is written down of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Caller } from "../attack/caller.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let system: MovingSystem;
let admin: TestUser<string>;
let ask: Caller;
let look: Caller;
beforeAll(async () => {
  system = await startMovingSystem("operators");
  admin = await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } });
  ask = system.callerOf(admin);
  look = system.callerOf(
    await newUser<string>({ home: "mongodb", on: system.control, appMetadata: { role: "viewer" } }),
  );
});
afterAll(() => system?.stop());

const audit = async (query: string) => (await ask("GET", `/admin/audit?${query}`)).body.items;

test("whoever has a role is told which", async () => {
  expect((await ask("GET", "/admin/me")).body).toEqual({ role: "admin", email: admin.email });
  expect((await look("GET", "/admin/me")).body).toMatchObject({ role: "viewer" });
  expect((await system.callerOf(await system.user("supabase"))("GET", "/admin/me")).status).toBe(403);
});

describe("users", () => {
  test("are found by part of an address in any case, by id and by how one begins, page after page", async () => {
    const users = [await system.user("supabase"), await system.user("mongodb")] as const;
    const [one, two] = users;
    const found = async (query: string) =>
      (await look("GET", `/admin/users?${query}`)).body.items.map(({ id }: { id: string }) => id);
    for (const q of [
      one.email,
      one.email.slice(2, 30).toUpperCase(),
      one.id,
      one.id.toUpperCase(),
      one.id.slice(0, 13),
    ])
      expect(await found(`q=${encodeURIComponent(q)}`), q).toEqual([one.id]);
    for (const q of ["%", "_", "no such", one.id.replace(/.$/, "g")])
      expect(await found(`q=${encodeURIComponent(q)}`), q).toEqual([]);
    expect(await found(`q=${two.id}&home=supabase`)).toEqual([]);
    const pages: string[] = [];
    for (let cursor = ""; ; ) {
      const { body } = await look("GET", `/admin/users?limit=1${cursor}`);
      pages.push(...body.items.map(({ id }: { id: string }) => id));
      if (body.next_cursor === null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(pages).toEqual(await found("limit=200"));
    expect(new Set(pages).size).toBe(pages.length);
    expect(pages).toEqual(expect.arrayContaining([one.id, two.id]));
    expect((await look("GET", "/admin/users?cursor=1")).body.code).toBe("invalid_cursor");
  });

  test.each(["supabase", "mongodb"])(
    "one at home in %s is shown with what they keep, their homes and moves",
    async (home) => {
      const user = await system.user(home);
      const own = system.callerOf(user);
      for (const name of ["Ann", "Bob"]) expect((await own("POST", "/contacts", { name })).status).toBe(201);
      const { status, body } = await look("GET", `/admin/users/${user.id}`);
      expect([status, body]).toEqual([
        200,
        expect.objectContaining({
          id: user.id,
          email: user.email,
          home,
          state: "active",
          epoch: 1,
          deleted: false,
          banned_until: null,
          history: [expect.objectContaining({ database: home, epoch: 1, event: "assigned" })],
          moves: [],
        }),
      ]);
      const held = (name: string) =>
        body.collections.filter(({ collection }: { collection: string }) => collection === name);
      expect(held("contacts")).toEqual([
        { collection: "contacts", database: home, records: 2, bytes: expect.any(Number) },
      ]);
      expect(held("contacts")[0].bytes).toBeGreaterThan(100);
      expect(held("expenses")).toEqual([{ collection: "expenses", database: home, records: 0, bytes: 0 }]);
      expect((await look("GET", `/admin/users/${crypto.randomUUID()}`)).status).toBe(404);
    },
  );
});

describe("assignments", () => {
  test("are listed by user, database and state, and another home is a move, which is asked for first", async () => {
    const user = await system.user("supabase");
    const listed = async (query: string) => (await look("GET", `/admin/assignments?${query}`)).body.items;
    expect(await listed(`user=${user.id}`)).toEqual([
      {
        user_id: user.id,
        database: "supabase",
        epoch: 1,
        state: "active",
        reason: expect.any(String),
        assigned_at: expect.stringMatching(/Z$/),
      },
    ]);
    expect(await listed(`user=${user.id}&database=mongodb`)).toEqual([]);
    expect(await listed(`user=${user.id}&state=moving`)).toEqual([]);
    const wanted = { database: "mongodb", reason: "nearer to them" };
    const path = `/admin/assignments/${user.id}`;
    const first = await ask("POST", `${path}?dry_run=true`, wanted);
    expect([first.status, first.body]).toEqual([200, { count: 1, refused: [] }]);
    expect((await ask("POST", path, wanted)).body).toEqual({ user_id: user.id, move: expect.any(Number) });
    expect((await ask("POST", path, wanted)).body).toMatchObject({ status: 409, code: "not_moved" });
    expect((await ask("POST", `${path}?dry_run=true`, wanted)).body.count).toBe(0);
    await system.finish(user.id);
    const { body } = await look("GET", `${path}/history?limit=1`);
    expect(body.items).toEqual([expect.objectContaining({ database: "mongodb", epoch: 2, event: "assigned" })]);
    const next = await look("GET", `${path}/history?cursor=${body.next_cursor}`);
    expect(next.body.items.map(({ event }: { event: string }) => event)).toEqual(["released", "assigned"]);
    const shown = (await look("GET", `/admin/users/${user.id}`)).body;
    expect(shown).toMatchObject({ home: "mongodb", epoch: 2, moves: [{ state: "kept", reason: "nearer to them" }] });
    const lines = await audit(`subject=${user.id}`);
    expect(lines.map(({ outcome }: { outcome: object }) => outcome)).toEqual([
      expect.objectContaining({ status: 409, code: "not_moved", affected: null }),
      expect.objectContaining({ status: 202, code: null, affected: 1 }),
    ]);
    expect(lines[1]).toMatchObject({
      actor_id: admin.id,
      actor: admin.email,
      via: "api",
      action: "POST /api/admin/assignments/{user}",
      subjects: [user.id],
      asked: { database: "mongodb" },
      reason: "nearer to them",
    });
  });
});

describe("databases", () => {
  test("are shown with settings and health, and changed with the outcome", async () => {
    const { body } = await look("GET", "/admin/databases");
    expect(body.missing).toEqual([]);
    const of = (name: string) => body.items.find((one: { name: string }) => one.name === name);
    expect(of("mongodb")).toMatchObject({
      kind: "mongodb",
      accepting: true,
      weight: 1,
      capacity_users: null,
      user_count: expect.any(Number),
      health: { connected: true, state: "ok", latency_ms: expect.any(Number) },
    });
    const wanted = { weight: 2.5, capacity_users: 9_000, reason: "larger by now" };
    const rehearsed = await ask("PATCH", "/admin/databases/mongodb?dry_run=true", wanted);
    expect([rehearsed.status, rehearsed.body.database]).toEqual([200, expect.objectContaining({ weight: 2.5 })]);
    expect((await look("GET", "/admin/databases")).body.items).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: "mongodb", weight: 1 })]),
    );
    const changed = await ask("PATCH", "/admin/databases/mongodb", wanted);
    expect([changed.status, changed.body]).toEqual([
      200,
      {
        database: expect.objectContaining({ name: "mongodb", weight: 2.5, capacity_users: 9_000 }),
        takes_sign_ups: true,
      },
    ]);
    const back = { weight: 1, capacity_users: null, reason: "as before" };
    expect((await ask("PATCH", "/admin/databases/mongodb", back)).body.database.capacity_users).toBeNull();
    expect((await ask("PATCH", "/admin/databases/nowhere", back)).status).toBe(422);
    expect((await ask("PATCH", "/admin/databases/mongodb", { reason: "none" })).status).toBe(422);
    expect(await audit("action=PATCH&limit=3")).toEqual([
      expect.objectContaining({ outcome: expect.objectContaining({ status: 422, code: "invalid_input" }) }),
      expect.objectContaining({ subjects: ["nowhere"], outcome: expect.objectContaining({ status: 422 }) }),
      expect.objectContaining({
        subjects: ["mongodb"],
        reason: "as before",
        asked: { weight: 1, capacity_users: null },
      }),
    ]);
  });
});
