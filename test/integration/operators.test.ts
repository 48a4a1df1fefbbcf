/** What operators see and change by the API, and what is written down of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApi } from "../attack/api.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
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
    const rehearsed = async (what: string) =>
      (
        await ask("POST", `/admin/moves${what}?dry_run=true`, {
          users: [user.id],
          ...(what === "" && { to: "mongodb" }),
        })
      ).body.count;
    expect([await rehearsed(""), await rehearsed("/abort")]).toEqual([0, 0]);
    expect([await rehearsed("/clean"), await rehearsed("/reverse")]).toEqual([1, 1]);
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

describe("the audit", () => {
  test("is only added to, also by the owner of its tables; a change whose end nobody wrote has no outcome", async () => {
    await system.control.sql(
      `select public.switchyard_admin_note(null, 'operator (ann)', 'command', 'homes move', array['left off'])`,
    );
    expect(await audit("subject=left%20off")).toEqual([
      expect.objectContaining({ actor: "operator (ann)", actor_id: null, outcome: null }),
    ]);
    for (const table of ["admin_audit", "admin_audit_outcomes"])
      for (const statement of [
        `delete from switchyard.${table}`,
        `truncate switchyard.${table} cascade`,
        `update switchyard.${table} set at = now()`,
      ])
        await expect(system.control.sql(statement), statement).rejects.toThrow(/only added to/);
  });

  test("is one page behind the other", async () => {
    const all = await audit("limit=200");
    const { body } = await ask("GET", "/admin/audit?limit=1");
    expect(body).toEqual({ items: [all[0]], next_before: String(all[0].id) });
    expect(await audit(`limit=1&before=${body.next_before}`)).toEqual([all[1]]);
  });
});

describe("while a database is away", () => {
  const NOBODY = "http://127.0.0.1:9";
  const away = { DATABASE_CONNECT_MS: "1000", REQUEST_DEADLINE_MS: "5000" };

  test("MongoDB: what it keeps of a user is not known, and the rest is", async () => {
    const user = await system.user("mongodb");
    const api = await startApi({
      on: system.control,
      mongoUri: "mongodb://127.0.0.1:9/none?directConnection=true",
      more: away,
    });
    try {
      const there = callerOf(api, admin);
      const shown = await there("GET", `/admin/users/${user.id}`);
      expect([shown.status, shown.body.home]).toEqual([200, "mongodb"]);
      const { collections } = shown.body as { collections: { collection: string }[] };
      expect(collections.find(({ collection }) => collection === "contacts")).toEqual({
        ...{ collection: "contacts", database: "mongodb", records: null, bytes: null },
      });
      const { body } = await there("GET", "/admin/databases");
      expect(body.missing).toContain("mongodb");
      expect(body.items.find(({ name }: { name: string }) => name === "mongodb")).toMatchObject({
        user_count: expect.any(Number),
        health: { connected: false, state: "down", error: expect.any(String) },
      });
    } finally {
      await api.close();
    }
  });

  test("Supabase: the others are shown with what they say themselves, and nothing is changed", async () => {
    const { url: _, directUrl: __, ...rest } = system.control;
    const on = { ...rest, url: NOBODY };
    const api = await startApi({ on, mongoUri: String(system.env.MONGODB_URI), more: away });
    try {
      const there = callerOf(api, admin);
      const { status, body } = await there("GET", "/admin/databases");
      expect([status, body.missing]).toEqual([200, expect.arrayContaining(["supabase"])]);
      expect(body.items.find(({ name }: { name: string }) => name === "supabase")).toMatchObject({
        accepting: null,
        user_count: null,
        health: { connected: false, state: "down" },
      });
      expect((await there("GET", "/admin/users")).status).toBe(503);
      expect((await there("PATCH", "/admin/databases/mongodb", { weight: 2, reason: "test" })).status).toBe(503);
    } finally {
      await api.close();
    }
  });
});
