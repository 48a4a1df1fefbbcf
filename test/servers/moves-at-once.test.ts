/** A hundred users move at once, from both homes, while each of them writes through two instances of the API. */
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import type { Move } from "../../shared/moves/control.ts";
import { runMoves } from "../../shared/moves/worker.ts";
import { isUnderWay } from "../../shared/operations/move-users.ts";
import { callerOf } from "../attack/caller.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import { contactsOf, keepWriting, type Send } from "../moves/writers.ts";
import type { TestUser } from "../setup/users.ts";

const USERS = 100;
/** between two writes of one user */
const PACE_MS = 1_000;
/** Longer than an instance keeps its list of who is moving. */
const HEARD_MS = 1_200;

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("at_once");
});
afterAll(() => system?.stop());

const sendOf =
  (instance: MovingSystem["api"], user: TestUser<string>): Send =>
  async (...request) => {
    const { status, body, headers } = await callerOf(instance, user)(...request);
    return { status, body, retryAfter: headers.get("retry-after") };
  };

const counts = async () =>
  Object.fromEntries(
    (
      await system.control.sql<{ name: string; n: number }>(
        "select name, user_count::int as n from switchyard.databases where name in ('supabase', 'mongodb')",
      )
    ).map(({ name, n }) => [name, n]),
  );

/** Steps until nobody is under way; what patient deadlines of tests would have everybody wait for is left out. */
async function moveAll(): Promise<void> {
  for (;;) {
    // a busy machine needs longer than users are to wait: bench o says how long they do
    (await runMoves(system.options({ pauseMs: 60_000 })))._unsafeUnwrap();
    const open = (await system.moves.list({ limit: 1_000 }))._unsafeUnwrap().filter(isUnderWay);
    if (open.length === 0) return;
    if (open.some(({ state }) => state === "announced")) {
      await wait(HEARD_MS);
      await system.control.sql(
        "update switchyard.moves set heard_since = now() - interval '1 hour' where state = 'announced' and heard_since is not null",
      );
      await system.control.sql(
        `update switchyard.tasks set due_at = now() from switchyard.moves m
         where queue = 'move' and done_at is null and m.user_id = subject and m.state = 'announced'`,
      );
    }
    await wait(50);
  }
}

test("a hundred users at once: all arrive, nobody loses a write, and every user is counted where they are", async () => {
  const other = await system.instance();
  const users = await Promise.all(
    Array.from({ length: USERS }, (_, at) => system.user(at % 2 === 0 ? "supabase" : "mongodb")),
  );
  const before = await counts();
  const sends = users.map((user) => [sendOf(system.api, user), sendOf(other, user)]);
  const writers = sends.map((instances) => keepWriting(instances, PACE_MS));
  const target = (user: TestUser<string>) => (user.home === "supabase" ? "mongodb" : "supabase");
  for (const to of ["supabase", "mongodb"]) {
    const leaving = users.filter((user) => target(user) === to).map(({ id }) => id);
    const begun = (await system.moves.start(leaving, to, "test"))._unsafeUnwrap();
    expect(begun.filter((one) => "refused" in one)).toEqual([]);
  }
  await moveAll();
  const written = await Promise.all(writers.map((writer) => writer.stop()));

  const moved: Move[] = (await system.moves.list({ ended: true, limit: 1_000 }))._unsafeUnwrap();
  expect(moved.map(({ state }) => state)).toEqual(Array.from({ length: USERS }, () => "kept"));
  expect(written.flatMap(({ odd }) => odd)).toEqual([]);
  for (const [at, user] of users.entries()) {
    const { there, acknowledged } = written[at] as (typeof written)[number];
    expect(acknowledged).toBeGreaterThan(0);
    expect([user.id, await contactsOf(sends[at]?.[at % 2] as Send)]).toEqual([user.id, there]);
    // nothing came to the old home behind the comparison
    const old = await system.registry.get(user.home)?.copy();
    const sealed = moved.find(({ user_id }) => user_id === user.id)?.detail.collections?.contacts;
    expect(await old?.measure(user.id, contacts)).toMatchObject({ count: sealed?.count, deleted: sealed?.deleted });
  }
  expect(await counts()).toEqual(before);
  const [row] = await system.control.sql<{ n: number }>(
    "select count(*)::int as n from switchyard.databases d where user_count <> (select count(*) from public.user_database_assignments a where a.database_provider = d.name)",
  );
  expect(row?.n).toBe(0);
});
