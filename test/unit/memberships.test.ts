/** What one instance remembers of who is where. The clock is the test's own. */
import { err, ok } from "neverthrow";
import { expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import type { RequestUser } from "../../shared/placement/service.ts";
import { createMemberships, REMEMBERED_SECONDS, type RoomRouter } from "../../shared/rooms/memberships.ts";
import { outcome } from "../contract/store.ts";

const ROOM = crypto.randomUUID();
const user: RequestUser = { id: crypto.randomUUID(), jwt: "x" };

/** A router that knows one conversation, or one channel, and where it has looked. */
function system() {
  let now = 1_000_000;
  const state = { conversation: false, channel: false, isDown: false, isReplica: false };
  const asked: string[] = [];
  const router = {
    repository: async (_: unknown, { sources, reads }: RequestUser) =>
      ok({
        list: async () => {
          asked.push(`${reads}`);
          if (state.isDown && (!state.isReplica || reads === "primary")) return err(unavailable("down"));
          if (state.isReplica) sources?.fromReplica("supabase", null);
          else sources?.fromPrimary("supabase");
          return ok({ items: state.conversation ? [{}] : [], next_cursor: null });
        },
      }),
    control: async () => {
      asked.push("channel");
      return state.isDown ? err(unavailable("down")) : ok(state.channel);
    },
  } as unknown as RoomRouter;
  const memberships = createMemberships(() => now);
  return {
    state,
    asked,
    memberships,
    find: (by = user) => memberships.find(router, by, ROOM),
    pass(seconds: number) {
      now += seconds * 1_000;
    },
  };
}

test("a yes is remembered for ten seconds, whatever happens meanwhile, and no longer", async () => {
  const { state, asked, find, pass } = system();
  state.conversation = true;
  expect((await find())._unsafeUnwrap()).toMatchObject({ id: ROOM, kind: "conversation" });
  Object.assign(state, { conversation: false, isDown: true });
  pass(REMEMBERED_SECONDS - 0.001);
  expect((await find()).isOk()).toBe(true);
  expect(asked).toEqual(["anywhere"]);
  state.isDown = false;
  pass(0.001);
  expect(outcome(await find())).toBe("not_found");
  expect(REMEMBERED_SECONDS).toBe(10);
});

test("a yes is one user's, and ends where somebody has left as this instance knows, or the clock is set back", async () => {
  const { state, find, pass, memberships } = system();
  state.channel = true;
  expect((await find())._unsafeUnwrap().kind).toBe("channel");
  state.channel = false;
  expect(outcome(await find({ ...user, id: crypto.randomUUID() }))).toBe("not_found");
  expect((await find()).isOk()).toBe(true);
  memberships.forget(ROOM);
  expect(outcome(await find())).toBe("not_found");
  state.channel = true;
  await find();
  state.channel = false;
  memberships.forgetChannels();
  expect(outcome(await find())).toBe("not_found");
  state.channel = true;
  await find();
  state.channel = false;
  pass(-60);
  expect(outcome(await find())).toBe("not_found");
});

test("a no is not remembered, and is the primary's", async () => {
  const { state, asked, find } = system();
  expect(outcome(await find())).toBe("not_found");
  state.conversation = true;
  expect((await find()).isOk()).toBe(true);
  expect(asked).toEqual(["anywhere", "channel", "anywhere"]);
});

test("a replica's yes will do, its no is nobody's", async () => {
  const { state, asked, find } = system();
  Object.assign(state, { isDown: true, isReplica: true });
  expect(outcome(await find())).toBe("unavailable");
  expect(asked).toEqual(["anywhere", "primary"]);
  state.conversation = true;
  expect((await find()).isOk()).toBe(true);
});
