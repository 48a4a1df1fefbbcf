/** Homes that are balanced: measured in each engine, planned, shown, refused, and done. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Io } from "../../scripts/commands/command.ts";
import { runCommand } from "../../scripts/commands/index.ts";
import { createLoadsControl } from "../../shared/moves/loads.ts";
import { type MeasuredPlan, measureAndPlan } from "../../shared/operations/plan-balance.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { value } from "../contract/store.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("balance");
});
afterAll(() => system?.stop());
beforeEach(async () => {
  await system.control.sql("delete from auth.users");
  await system.control.sql(
    "update switchyard.databases set accepting = true, weight = 1, capacity_users = null, capacity_bytes = null",
  );
});

const loads = () => createLoadsControl(system.service);
const plan = async (more: object = {}): Promise<MeasuredPlan> =>
  value(
    await measureAndPlan({
      loads: loads(),
      assignments: createAssignments(system.service),
      registry: system.registry,
      callMs: HANGS_MS,
      ...more,
    }),
  );
async function userWith(home: string, records: number): Promise<TestUser<string>> {
  const user = await system.user(home);
  const ask = system.callerOf(user);
  for (let made = 0; made < records; made++)
    expect((await ask("POST", "/contacts", { name: `Ann ${made}`, email: "ann@example.com" })).status).toBe(201);
  return user;
}
const homeOf = async (id: string) =>
  (
    await system.control.sql<{ home: string }>(
      "select database_provider as home from public.user_database_assignments where user_id = $1::uuid",
      [id],
    )
  )[0]?.home;

describe("sizes", () => {
  test("are measured in every home: records exactly, and bytes as the database counts them", async () => {
    for (const home of system.homes) {
      const [some, none] = [await userWith(home, 3), await userWith(home, 0)];
      const database = system.registry.get(home);
      const sizes = await database?.system.userSizes([some.id, none.id, randomUUID()]);
      expect([...(sizes ?? [])]).toEqual([[some.id, { records: 3, bytes: expect.any(Number) }]]);
      const counted = value((await database?.usage(some.id)) ?? fail());
      expect(sizes?.get(some.id)).toEqual({ records: counted.records, bytes: counted.bytes });
      expect(counted.bytes).toBeGreaterThan(300);
    }
    const { users, measured, measured_since, failed } = await plan();
    expect([users, measured, failed]).toEqual([system.homes.length * 2, system.homes.length * 2, {}]);
    expect(Date.parse(measured_since ?? "")).toBeGreaterThan(0);
  });

  test("are kept for an hour, and go with the user", async () => {
    const user = await userWith("mongodb", 1);
    await plan();
    expect(value(await loads().unmeasured("mongodb", 3_600, 10))).toEqual([]);
    await system.control.sql("update switchyard.user_sizes set measured_at = now() - interval '2 hours'");
    expect(value(await loads().unmeasured("mongodb", 3_600, 10))).toEqual([user.id]);
    await system.control.sql("delete from auth.users where id = $1::uuid", [user.id]);
    expect(await system.control.sql("select from switchyard.user_sizes")).toEqual([]);
    value(await loads().report("mongodb", new Map([[user.id, { records: 1, bytes: 1 }]])));
    expect(await system.control.sql("select from switchyard.user_sizes")).toEqual([]);
  });

  test("of those who are not measured in time are taken for average ones, and that is said", async () => {
    for (const home of ["supabase", "supabase", "mongodb"]) await userWith(home, 2);
    let asked = 0;
    const { users, measured, homes } = await plan({ isOver: () => asked++ > 0 });
    expect([users, measured]).toEqual([3, 2]);
    const bytes = Object.fromEntries(homes.map((each) => [each.name, each.bytes]));
    expect(bytes.mongodb).toBe((bytes.supabase ?? 0) / 2);
  });

  test("of a home that does not answer are missing, and it takes no part", async () => {
    for (let made = 0; made < 4; made++) await userWith("supabase", 1);
    const broken = new Map(system.registry);
    const mongo = broken.get("mongodb") ?? fail();
    const size = async () => Promise.reject(new Error("no answer"));
    broken.set("mongodb", { ...mongo, system: { ...mongo.system, size } });
    const found = await plan({ registry: broken });
    expect(found.failed).toEqual({ mongodb: "no answer" });
    expect(found.homes.map(({ name }) => name)).not.toContain("mongodb");
    expect(found.moves.map(({ to }) => to)).not.toContain("mongodb");
  });
});

describe("the plan", () => {
  test("keeps out of homes that take nobody, are full, or not well", async () => {
    for (let made = 0; made < 6; made++) await userWith("supabase", 1);
    const targets = async () => [...new Set((await plan()).moves.map(({ to }) => to))].sort();
    const others = system.homes.filter((name) => name !== "supabase").sort();
    expect(await targets()).toEqual(others);
    const without = others.filter((name) => name !== "mongodb");
    const set = (values: string) =>
      system.control.sql(`update switchyard.databases set ${values} where name = 'mongodb'`);
    await set("accepting = false");
    expect(await targets()).toEqual(without);
    await set("accepting = true, capacity_users = 0");
    expect(await targets()).toEqual(without);
    await set("capacity_users = null, capacity_bytes = 1");
    expect(await targets()).toEqual(without);
    await set("capacity_bytes = null");
    await system.control.sql("select public.switchyard_report_health('mongodb', false, 'ill')");
    expect((await plan()).homes.find(({ name }) => name === "mongodb")?.refuses).toBe("is not healthy: ill");
    await system.control.sql("delete from switchyard.database_health");
    expect(await targets()).toEqual(others);
  });

  test("counts those who are on the way as being there", async () => {
    for (let made = 0; made < 6; made++) await userWith("supabase", 1);
    const { moves } = await plan();
    for (const { user_id, to } of moves) value(await system.moves.start([user_id], to, "test"));
    expect((await plan()).moves).toEqual([]);
    // who is given up is not moved again before that is done
    value(await system.moves.abort(null));
    const given = moves.map(({ user_id }) => user_id);
    expect((await plan()).moves.filter(({ user_id }) => given.includes(user_id))).toEqual([]);
  });
});

describe("homes move --balance", () => {
  const operator = (line: string, more: Partial<Io> = {}) => {
    const said: string[] = [];
    const out = (text: string) => void said.push(text);
    const done = runCommand(line.split(" "), { env: system.env, out, err: out, ...more });
    return done.then((code) => ({ code, said: said.join("\n") }));
  };
  /** Plays instances that hear of moves at once, until that is done. */
  async function whileHearing<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const ended = work.finally(() => {
      isDone = true;
    });
    await vi.waitUntil(async () => {
      await system.control.sql(
        "update switchyard.moves set heard_since = now() - interval '1 hour' where heard_since is not null",
      );
      await system.control.sql(
        `update switchyard.tasks t set due_at = now() from switchyard.moves m
         where t.queue = 'move' and t.done_at is null and t.leased_until is null and t.due_at > now()
           and m.id = (t.payload ->> 'move')::bigint and m.state = 'announced'`,
      );
      return isDone;
    }, PATIENT);
    return ended;
  }

  test("shows the plan, does nothing unless somebody says yes, and then does it", async () => {
    const users: TestUser<string>[] = [];
    for (let made = 0; made < 6; made++) users.push(await userWith("supabase", 2));
    const atHome = async () =>
      (await Promise.all(users.map(({ id }) => homeOf(id)))).filter((home) => home === "supabase");

    const dry = await operator("homes move --balance --dry-run");
    expect(dry.code).toBe(0);
    expect(dry.said).toMatch(/^home +users +size +share +should be$/m);
    expect(dry.said).toMatch(/^supabase +6 -> \d .* 100 % -> \d+(\.\d)? % +\d+(\.\d)? %$/m);
    expect(dry.said).toMatch(/^supabase +mongodb +\d +\d+ +[\d.]+ MB$/m);
    expect(dry.said).toMatch(/^All 6 users are measured/m);

    const nobody = await operator("homes move --balance");
    expect([nobody.code, nobody.said]).toEqual([1, expect.stringMatching(/do it with --yes\.$/)]);
    const questions: string[] = [];
    const ask = async (question: string) => {
      questions.push(question);
      return false;
    };
    const no = await operator("homes move --balance", { ask });
    expect([no.code, no.said]).toEqual([1, expect.stringMatching(/Nobody was moved\.$/)]);
    expect(questions).toEqual([expect.stringMatching(/^Move [2-5] users\? \[y\/N\] $/)]);
    const json = await operator("homes move --balance --json", { ask });
    expect([json.code, questions.length]).toEqual([1, 1]);
    expect(await atHome()).toHaveLength(6);
    expect(await system.control.sql("select from switchyard.moves m join auth.users u on u.id = m.user_id")).toEqual(
      [],
    );

    const yes = await whileHearing(operator("homes move --balance --rate=6000", { ask: async () => true }));
    expect(yes.code).toBe(0);
    expect((await atHome()).length).toBe(Math.round(6 / system.homes.length));
    const again = await operator("homes move --balance --dry-run --json");
    expect(JSON.parse(again.said).plan).toMatchObject({ moves: [] });
    expect((await operator("homes move --balance")).said).toMatch(/balanced: nobody is to be moved\.$|can be moved so/);
  });

  test("ends early where somebody asks for that, and goes on with the same command", async () => {
    for (let made = 0; made < 4; made++) await userWith("mongodb", 1);
    let looks = 0;
    const isInterrupted = () => looks++ > 1;
    const first = await operator("homes move --all-from mongodb --to supabase --rate=1", { isInterrupted });
    expect([first.code, first.said]).toEqual([1, expect.stringMatching(/^Ended early: 0 are done, and 1 under way/m)]);
    expect(await system.control.sql("select from switchyard.moves where state = 'announced'")).toHaveLength(1);
    const rest = await whileHearing(operator("homes move --all-from mongodb --to supabase --json"));
    expect(rest.code).toBe(0);
    expect(JSON.parse(rest.said).moves).toHaveLength(3);
    expect(await system.control.sql("select from switchyard.user_sizes where database = 'nowhere'")).toEqual([]);
    expect(
      (
        await system.control.sql<{ home: string }>(
          "select distinct database_provider as home from public.user_database_assignments",
        )
      ).map(({ home }) => home),
    ).toContain("supabase");
  });
});

test("admins ask for the plan by the API, and nobody else does", async () => {
  const admin = await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } });
  for (let made = 0; made < 4; made++) await userWith("supabase", 1);
  const { status, body } = await system.callerOf(admin)("POST", "/admin/moves/plan", { limit: 1 });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    balances: false,
    users: 5,
    measured: 5,
    ways: [{ from: "supabase", users: [expect.any(String)], records: 1, bytes: expect.any(Number) }],
  });
  const [way] = body.ways;
  const begun = await system.callerOf(admin)("POST", "/admin/moves", { users: way.users, to: way.to });
  expect(begun.body).toEqual([{ user_id: way.users[0], move: expect.any(Number) }]);
  const user = await system.user("supabase");
  expect((await system.callerOf(user)("POST", "/admin/moves/plan", {})).status).toBe(403);
});

test("admins see and say by what new users' homes are chosen", async () => {
  const admin = await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } });
  const { status, body } = await system.callerOf(admin)("GET", "/admin/placement");
  expect([status, body]).toMatchObject([200, { policy: "count", used: "count", unmeasured: [] }]);
  const set = await system.callerOf(admin)("PUT", "/admin/placement", { policy: "size" });
  expect([set.status, set.body]).toMatchObject([200, { policy: "size", used: "size", unmeasured: [] }]);
  expect((await system.callerOf(admin)("PUT", "/admin/placement", { policy: "luck" })).status).toBe(422);
  expect((await system.callerOf(admin)("PUT", "/admin/placement", { policy: "count" })).status).toBe(200);
  const ask = system.callerOf(await system.user("supabase"));
  expect((await ask("GET", "/admin/placement")).status).toBe(403);
  expect((await ask("PUT", "/admin/placement", { policy: "load" })).status).toBe(403);
});

function fail(): never {
  throw new Error("not there");
}
