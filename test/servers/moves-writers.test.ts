/** Writes that reach the old home by other ways than the API's: open transactions, Supabase's own REST, the operator. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import type { TestUser } from "../setup/users.ts";

let system: MovingSystem;
let owner: postgres.Sql;
beforeAll(async () => {
  system = await startMovingSystem("writers");
  owner = postgres(system.control.ownerUrl, { max: 4, onnotice: () => undefined });
});
afterAll(async () => {
  await owner?.end();
  await system?.stop();
});

const claims = ({ id, home }: TestUser<string>) =>
  JSON.stringify({ sub: id, role: "authenticated", app_metadata: { home, home_epoch: 1 } });
/** As a user, as PostgREST acts for them. */
const act = async (sql: postgres.TransactionSql, user: TestUser<string>) => {
  await sql`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims(user)}, true),
    set_config('request.jwt.claim.sub', ${user.id}, true)`;
};
const write = (sql: postgres.TransactionSql, { id }: TestUser<string>, name: string) =>
  sql`insert into public.contacts (user_id, id, name) values (${id}, ${crypto.randomUUID()}, ${name})`;
const namesAt = async (home: string, { id }: TestUser<string>) => {
  const copy = await system.registry.get(home)?.copy();
  const ids = (await copy?.manifest(id, contacts, null, 100))?.map((entry) => entry.id) ?? [];
  return (await copy?.read(id, contacts, ids))?.rows.map(({ record }) => record.name).sort();
};

test.each(["read committed", "repeatable read"])(
  "a transaction (%s) that was open before the pause is waited for, and what it wrote moves with the rest",
  async (isolation) => {
    const user = await system.user("supabase");
    const written = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const open = owner.begin(`isolation level ${isolation}`, async (sql) => {
      await act(sql, user);
      await write(sql, user, "Ann");
      written.resolve();
      await goOn.promise;
    });
    await Promise.race([written.promise, open]);
    const reasons: string[] = [];
    const moving = system.move(user.id, "mongodb", {
      log: {
        ...system.options().log,
        warn(_event, fields) {
          reasons.push(String((fields as { reason: string }).reason));
          goOn.resolve();
        },
      },
    });
    const moved = await moving;
    await open;
    expect([moved.state, reasons.length > 0]).toEqual(["kept", true]);
    expect(await namesAt("mongodb", user)).toEqual(["Ann"]);
  },
);

test("a transaction whose snapshot is older than the move writes nothing into the old home", async () => {
  const user = await system.user("supabase");
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const late = owner.begin("isolation level repeatable read", async (sql) => {
    await act(sql, user);
    await sql`select count(*) from public.contacts`;
    begun.resolve();
    await goOn.promise;
    await write(sql, user, "Late");
  });
  const ended = expect(late).rejects.toMatchObject({ code: expect.stringMatching(/^(40001|PT421)$/) });
  await Promise.race([begun.promise, late]);
  await system.move(user.id, "mongodb");
  goOn.resolve();
  await ended;
  expect(await namesAt("supabase", user)).toEqual([]);
});

test("Supabase's REST refuses a token from before: 421 to reads and writes, and 503 to writes in the pause", async () => {
  const user = await system.user("supabase");
  const rest = (method: string, body?: object) =>
    fetch(`${system.control.url}/rest/v1/contacts?select=name`, {
      method,
      headers: {
        apikey: system.control.publishableKey,
        authorization: `Bearer ${user.jwt}`,
        "content-type": "application/json",
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const row = () => ({ user_id: user.id, id: crypto.randomUUID(), name: "Ann" });
  expect((await rest("POST", row())).status).toBe(201);
  const paused: number[] = [];
  await system.move(user.id, "mongodb", {
    pauseMs: 3_600_000,
    onPoint: async (point) => {
      if (point === "sealed") paused.push((await rest("POST", row())).status, (await rest("GET")).status);
    },
  });
  expect(paused).toEqual([503, 200]);
  expect([(await rest("POST", row())).status, (await rest("GET")).status]).toEqual([421, 421]);
  expect(await namesAt("mongodb", user)).toEqual(["Ann"]);
});

test("whoever writes past row-level security is refused in the pause, and after it where the user has left", async () => {
  const user = await system.user("supabase");
  const other = await system.user("supabase");
  const byHand = (who: TestUser<string>) =>
    owner.begin((sql) => write(sql, who, "By hand")).then(() => "written", String);
  expect(await byHand(user)).toBe("written");
  const paused: string[] = [];
  await system.move(user.id, "mongodb", {
    pauseMs: 3_600_000,
    onPoint: async (point) => {
      if (point === "sealed") paused.push(await byHand(user), await byHand(other));
    },
  });
  expect(paused).toEqual([expect.stringContaining("are being moved"), "written"]);
  expect(await byHand(user)).toContain("have moved to another database");
  const [row] = await owner`select count(*)::int as n from public.contacts where user_id = ${other.id}`;
  expect(row?.n).toBe(1);
});

test("an instance that has not heard serves nobody by an old list", async () => {
  const user = await system.user("mongodb");
  const call = system.callerOf(user);
  expect((await call("POST", "/contacts", { name: "Ann" })).status).toBe(201);
  await system.move(user.id, "supabase");
  // whose list is from before, and older than it may be
  const made = await call("POST", "/contacts", { name: "Bob" });
  expect([made.status, made.asked.at(-1)]).toEqual([201, "supabase"]);
  expect(await namesAt("mongodb", user)).toEqual(["Ann"]);
});
