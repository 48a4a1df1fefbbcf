/** Copies that are kept of users who move again before they are cleaned. */
import { MongoClient } from "mongodb";
import { err } from "neverthrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { unavailable } from "../../shared/contract/errors.ts";
import type { MovesControl } from "../../shared/moves/control.ts";
import { runMoves } from "../../shared/moves/worker.ts";
import { value } from "../contract/store.ts";
import { mongoRepositories } from "../setup/repositories.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("kept");
});
afterAll(() => system?.stop());

const idsIn = async (home: string, userId: string) => {
  const copy = await system.registry.get(home)?.copy();
  return (await copy?.manifest(userId, contacts, null, 100))?.map(({ id }) => id);
};
const userWithContact = async (home: string) => {
  const user = await system.user(home);
  const call = system.callerOf(user);
  const { status, body } = await call("POST", "/contacts", { name: "Ann" });
  expect(status).toBe(201);
  return { user, call, id: body.id as string };
};
const statesOf = async (userId: string) =>
  (await system.moves.list({ userId, ended: true }))
    ._unsafeUnwrap()
    .map(({ state, last_error }) => [state, last_error]);
/** Whatever is due is worked off, by somebody who dies once they have taken a copy away. */
const workAndDie = async () => {
  let isDead = false;
  const databases = new Map(
    [...system.registry].map(([name, { copy, system: own }]) => {
      const dying = async () => {
        const alive = await copy();
        return {
          ...alive,
          async clear(userId: string, turn: number) {
            await alive.clear(userId, turn);
            isDead = true;
          },
        };
      };
      return [name, { copy: dying, system: own }] as const;
    }),
  );
  const dead = err(unavailable("It has died."));
  const control: MovesControl = {
    ...system.moves,
    claim: async (...given) => (isDead ? dead : system.moves.claim(...given)),
    step: async (...given) => (isDead ? dead : system.moves.step(...given)),
  };
  await dueNow();
  await runMoves({ ...system.options({ databases, control }), atOnce: 1 });
  expect(isDead).toBe(true);
  await system.control.sql("update switchyard.tasks set leased_until = null where queue = 'move' and done_at is null");
};
const dueNow = () =>
  system.control.sql(
    "update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null and due_at > now() and leased_until is null",
  );
/** Whatever is due is worked off. */
const work = async () => {
  await dueNow();
  expect((await runMoves({ ...system.options(), atOnce: 1 })).isOk()).toBe(true);
};

test("who has moved on to a third home leaves nothing in the first one, either, once both copies are cleaned", async () => {
  const { user, call, id } = await userWithContact("supabase");
  await system.move(user.id, "mongodb");
  await system.move(user.id, "atlas");
  expect(await idsIn("supabase", user.id)).toEqual([id]);
  expect((await system.moves.clean([user.id]))._unsafeUnwrap()).toBe(2);
  await work();
  expect([await idsIn("supabase", user.id), await idsIn("mongodb", user.id)]).toEqual([[], []]);
  expect((await call("GET", `/contacts/${id}`)).status).toBe(200);
});

test.each(["supabase", "mongodb"])(
  "a copy in %s is not cleaned while the user is on the way back to it",
  async (home) => {
    const { user, call, id } = await userWithContact(home);
    await system.move(user.id, "atlas");
    let cleaned = 0;
    const back = await system.move(user.id, home, {
      leaseSeconds: 3_600,
      pauseMs: 3_600_000,
      onPoint: async (point) => {
        if (point !== "verified") return;
        cleaned += (await system.moves.clean([user.id]))._unsafeUnwrap();
        await work();
      },
    });
    expect([cleaned, back.state]).toEqual([1, "kept"]);
    expect((await call("GET", `/contacts/${id}`)).status).toBe(200);
    expect((await statesOf(user.id)).map(([state]) => state)).toEqual(["kept", "superseded"]);
  },
);

test.each(["supabase", "mongodb"])(
  "what was kept in %s goes with a way back that is given up, and nobody tries to clean it any more",
  async (home) => {
    const { user, call, id } = await userWithContact(home);
    await system.move(user.id, "atlas");
    const back = await system.move(user.id, home, {
      onPoint: async (point) => {
        if (point === "compared") await system.moves.abort([user.id]);
      },
    });
    expect(back.state).toBe("aborted");
    await system.moves.clean([user.id]);
    await work();
    expect(await statesOf(user.id)).toEqual([
      ["aborted", null],
      ["superseded", null],
    ]);
    expect([await idsIn(home, user.id), (await call("GET", `/contacts/${id}`)).status]).toEqual([[], 200]);
  },
);

describe("what comes to the old home late, from an instance whose clock is behind, is listed", () => {
  /** Somebody who was frozen before they sent it, and had not heard of the move. */
  const writeLate = async (userId: string) => {
    const client = new MongoClient(system.env.MONGODB_URI ?? "");
    const { repository } = mongoRepositories({ db: client.db(), userId, now: () => Date.now() - 600_000 });
    const { id, version } = value(await repository(contacts).create({ name: "Late" }));
    await client.close();
    return { collection: "contacts", id, version };
  };
  const lateOf = async (userId: string) =>
    (await system.moves.list({ userId, ended: true }))._unsafeUnwrap().map(({ detail }) => detail.late ?? []);

  test("by whoever looks after it", async () => {
    const { user } = await userWithContact("mongodb");
    await system.move(user.id, "supabase");
    const late = await writeLate(user.id);
    await work();
    expect(await lateOf(user.id)).toEqual([[late]]);
    // and once
    await work();
    expect(await lateOf(user.id)).toEqual([[late]]);
  });

  test("before the old copy is cleaned", async () => {
    const { user } = await userWithContact("mongodb");
    await system.move(user.id, "supabase");
    const late = await writeLate(user.id);
    await system.moves.clean([user.id]);
    await work();
    expect([await lateOf(user.id), await idsIn("mongodb", user.id)]).toEqual([[[late]], []]);
  });

  test("before the old copy is cleaned by somebody who dies then", async () => {
    const { user } = await userWithContact("mongodb");
    await system.move(user.id, "supabase");
    const late = await writeLate(user.id);
    await system.moves.clean([user.id]);
    await workAndDie();
    await work();
    expect([await lateOf(user.id), await idsIn("mongodb", user.id)]).toEqual([[[late]], []]);
  });

  test("before a way back is given up by somebody who dies then", async () => {
    const { user } = await userWithContact("mongodb");
    await system.move(user.id, "supabase");
    const late = await writeLate(user.id);
    await system.moves.start([user.id], "mongodb", "test");
    await system.moves.abort([user.id]);
    await workAndDie();
    await work();
    expect([await lateOf(user.id), await idsIn("mongodb", user.id)]).toEqual([[[late], []], []]);
  });

  test("before the user comes back", async () => {
    const { user, id } = await userWithContact("mongodb");
    await system.move(user.id, "supabase");
    const late = await writeLate(user.id);
    expect((await system.move(user.id, "mongodb")).state).toBe("kept");
    expect([await lateOf(user.id), await idsIn("mongodb", user.id)]).toEqual([[[late], []], [id]]);
  });

  test("before a way back is given up", async () => {
    const { user } = await userWithContact("mongodb");
    await system.move(user.id, "supabase");
    const late = await writeLate(user.id);
    await system.moves.start([user.id], "mongodb", "test");
    await system.moves.abort([user.id]);
    await work();
    expect([await lateOf(user.id), await idsIn("mongodb", user.id)]).toEqual([[[late], []], []]);
  });
});
