/** Whoever moves a user dies, is too slow, or is told to stop, at every point that there is. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { MOVE_POINTS } from "../../shared/moves/run.ts";
import { value } from "../contract/store.ts";
import { mongoRepositories } from "../setup/repositories.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("interrupted");
});
afterAll(() => system?.stop());

class Died extends Error {}

const WAYS = [
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
] as const;

const someContacts = async (user: Awaited<ReturnType<MovingSystem["user"]>>) => {
  const call = system.callerOf(user);
  for (const name of ["Ann", "Bob", "Cid"]) expect((await call("POST", "/contacts", { name })).status).toBe(201);
  return (await call("GET", "/contacts")).body.items;
};
/** Of a lease that nobody holds any more. */
const leasesEnd = () =>
  system.control.sql(
    "update switchyard.tasks set leased_until = now(), due_at = now() where queue = 'move' and done_at is null",
  );

describe.each(WAYS)("from %s to %s", (from, to) => {
  test.each(MOVE_POINTS)("a worker dies when it has come to %s: the next one ends the move", async (point) => {
    const user = await system.user(from);
    const call = system.callerOf(user);
    const before = await someContacts(user);
    let died = 0;
    const onPoint = (passed: string) => {
      if (passed === point && died++ === 0) throw new Died();
    };
    await expect(system.move(user.id, to, { onPoint })).rejects.toThrow(Died);
    // reads go on, by whatever token
    expect((await call("GET", "/contacts")).body.items).toEqual(before);
    await leasesEnd();
    const moved = await system.finish(user.id);
    expect([point, moved.state, moved.last_error]).toEqual([point, "kept", null]);
    expect((await call("GET", "/contacts")).body.items).toEqual(before);
    const made = await call("POST", "/contacts", { name: "Dan" });
    expect([made.status, made.asked.at(-1)]).toEqual([201, to]);
  });

  test("a worker that was too slow changes nothing any more, in either home", async () => {
    const user = await system.user(from);
    await someContacts(user);
    expect((await system.moves.start([user.id], to, "test"))._unsafeUnwrap()).toHaveLength(1);
    // the first claim stands still just before the switch
    let goOn = () => {};
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let come = () => {};
    const there = new Promise<void>((resolve) => {
      come = resolve;
    });
    const slow = system.finish(user.id, {
      leaseSeconds: 3_600,
      pauseMs: 3_600_000,
      onPoint: async (point) => {
        if (point !== "verified") return;
        come();
        await waiting;
      },
    });
    await there;
    await leasesEnd();
    const second = await system.finish(user.id);
    expect(second.state).toBe("kept");
    const call = system.callerOf(user);
    const made = await call("POST", "/contacts", { name: "Dan" });
    expect(made.status).toBe(201);
    goOn();
    await slow;
    expect((await call("GET", `/contacts/${made.body.id}`)).status).toBe(200);
    expect((await call("PATCH", `/contacts/${made.body.id}`, { name: "Dora" })).status).toBe(200);
    const [row] = await system.control.sql(
      `select database_provider as home, epoch, state from public.user_database_assignments where user_id = '${user.id}'`,
    );
    expect(row).toEqual({ home: to, epoch: 2, state: "active" });
  });

  test("a difference that somebody plants stops the move and is named; nothing is switched, and writes go on", async () => {
    const user = await system.user(from);
    const [first] = await someContacts(user);
    let planted = 0;
    const onPoint = async (point: string) => {
      if (point !== "copied" || planted++ > 0) return;
      const target = await system.registry.get(to)?.copy();
      const [move] = (await system.moves.list({ userId: user.id }))._unsafeUnwrap();
      const [task] = await system.control.sql<{ attempts: number }>(
        `select attempts from switchyard.tasks where queue = 'move' and subject = '${user.id}'`,
      );
      const turn = (move?.id ?? 0) * 2 ** 20 + (task?.attempts ?? 0);
      const { rows } = (await target?.read(user.id, contacts, [first.id])) ?? { rows: [] };
      await target?.write(
        user.id,
        turn,
        contacts,
        { rows: rows.map((row) => ({ ...row, record: { ...row.record, name: "Eve" } })), tombstones: [] },
        [],
      );
    };
    expect((await system.moves.start([user.id], to, "test"))._unsafeUnwrap()).toHaveLength(1);
    const found: string[] = [];
    await system.finish(user.id, {
      onPoint: async (point) => {
        await onPoint(point);
      },
      log: {
        ...system.options().log,
        warn(event, fields) {
          found.push(`${event} ${JSON.stringify(fields)}`);
          void system.moves.abort([user.id]);
        },
      },
    });
    expect(found.join()).toMatch(new RegExp(`move_waits .*contacts ${first.id} differs in version \\d+: name`));
    const [row] = await system.control.sql(
      `select database_provider as home, epoch from public.user_database_assignments where user_id = '${user.id}'`,
    );
    expect(row).toEqual({ home: from, epoch: 1 });
    expect((await system.callerOf(user)("POST", "/contacts", { name: "Dan" })).status).toBe(201);
  });
});

test("given up before the switch: the old home is as it was, and nothing is left in the other", async () => {
  const user = await system.user("mongodb");
  const before = await someContacts(user);
  let isAborted = false;
  const onPoint = async (point: string) => {
    if (point !== "compared" || isAborted) return;
    isAborted = true;
    expect((await system.moves.abort([user.id]))._unsafeUnwrap()).toBe(1);
  };
  const ended = await system.move(user.id, "supabase", { onPoint });
  expect(ended.state).toBe("aborted");
  const call = system.callerOf(user);
  expect((await call("GET", "/contacts")).body.items).toEqual(before);
  expect((await call("POST", "/contacts", { name: "Dan" })).status).toBe(201);
  const other = await system.registry.get("supabase")?.copy();
  expect(await other?.manifest(user.id, contacts, null, 10)).toEqual([]);
});

test("back again: only what differs is copied, and the copy of before is not cleaned", async () => {
  const user = await system.user("mongodb");
  await someContacts(user);
  const call = system.callerOf(user);
  await system.move(user.id, "supabase");
  const made = (await call("POST", "/contacts", { name: "Dan" })).body;
  const back = await system.move(user.id, "mongodb");
  expect([back.state, back.detail.copied]).toEqual(["kept", 1]);
  expect((await call("GET", `/contacts/${made.id}`)).status).toBe(200);
  const all = (await system.moves.list({ userId: user.id, ended: true }))._unsafeUnwrap();
  expect(all.map(({ state }) => state)).toEqual(["kept", "superseded"]);

  expect((await system.moves.clean([user.id]))._unsafeUnwrap()).toBe(1);
  expect((await system.finish(user.id)).state).toBe("cleaned");
  const old = await system.registry.get("supabase")?.copy();
  expect(await old?.manifest(user.id, contacts, null, 10)).toEqual([]);
  expect((await call("GET", "/contacts")).body.items).toHaveLength(4);
});

test("what comes to the old home after the switch, of somebody who was frozen before sending it, is found", async () => {
  const user = await system.user("mongodb");
  await someContacts(user);
  expect((await system.move(user.id, "supabase")).detail.late).toBeUndefined();
  const client = new MongoClient(system.env.MONGODB_URI ?? "");
  const { repository } = mongoRepositories({ db: client.db(), userId: user.id });
  const late = value(await repository(contacts).create({ name: "Late" }));
  await client.close();
  await leasesEnd();
  const { state, detail } = await system.finish(user.id);
  expect([state, detail.late]).toEqual([
    "kept",
    [{ collection: "contacts", id: late.id, version: late.version, outcome: "forwarded" }],
  ]);
});

test.each(["announced", "copied", "sealed", "switched"] as const)(
  "a user who is deleted when the move has come to %s leaves nothing in either home",
  async (point) => {
    const user = await system.user("supabase");
    await someContacts(user);
    let isDeleted = false;
    const onPoint = async (passed: string) => {
      if (passed !== point || isDeleted) return;
      isDeleted = true;
      await system.control.sql(`delete from auth.users where id = '${user.id}'`);
    };
    const ended = await system.move(user.id, "mongodb", { onPoint });
    if (ended.state === "kept") {
      await leasesEnd();
      expect((await system.finish(user.id)).state).toBe("cleaned");
    } else expect(ended.state).toBe("aborted");
    for (const name of ["supabase", "mongodb"]) {
      const home = await system.registry.get(name)?.copy();
      expect([name, await home?.manifest(user.id, contacts, null, 10)]).toEqual([name, []]);
    }
  },
);
