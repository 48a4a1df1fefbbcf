/** Who makes, joins, leaves and ends rooms at the same time: there is one answer, and nothing is left over. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Caller, type RoomSystem, startRoomSystem } from "../integration/room-callers.ts";

const ROUNDS = 15;
let system: RoomSystem;
let people: Caller[];
beforeAll(async () => {
  system = await startRoomSystem();
  people = await Promise.all([0, 1, 2].map(() => system.newCaller("supabase")));
});
afterAll(() => system?.stop());

const [ANN, BO, CY] = [0, 1, 2] as const;
const by = (who: number) => people[who] as Caller;
const idOf = (who: number) => by(who).id;
const make = async (...others: number[]): Promise<string> =>
  (await by(ANN).call("POST", "/api/conversations", { user_ids: others.map(idOf) })).value.id;
const leave = (who: number, id: string) => by(who).call("DELETE", `/api/conversations/${id}/members/${idOf(who)}`);
/** Conversations without anybody in them, members and messages of none. */
const leftOver = () =>
  system.supabase.sql(
    `select c.id from public.conversations c where not exists (select from public.conversation_members m where m.conversation_id = c.id)
     union all
     select m.id from public.direct_messages m where not exists (select from public.conversations c where c.id = m.conversation_id)`,
  );

test("the last who leave at once end it", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = await make(BO, CY);
    const left = await Promise.all([ANN, BO, CY].map((who) => leave(who, id)));
    expect(left.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect(await leftOver()).toEqual([]);
    expect(await system.supabase.sql("select id from public.conversations where id = $1", [id])).toEqual([]);
  }
});

test("two who make theirs while one leaves it have one, with both in it or nobody", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = await make(BO);
    const [left, ...made] = await Promise.all([
      leave(BO, id),
      by(ANN).call("POST", "/api/conversations", { user_ids: [idOf(BO)] }),
      by(BO).call("POST", "/api/conversations", { user_ids: [idOf(ANN)] }),
    ]);
    expect([204, 404]).toContain(left.status);
    // also to one who has left it again before they could look
    for (const { status, value } of made) {
      expect([200, 201]).toContain(status);
      expect(value.id).toBe(id);
    }
    expect(await leftOver()).toEqual([]);
  }
});

test("one that is deleted while people come and go is gone, with all that was said in it", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = await make(BO, CY);
    const say = (who: number) =>
      system.supabase.sql(
        "insert into public.direct_messages (conversation_id, id, sender_id, content) values ($1, gen_random_uuid(), $2, 'hi')",
        [id, idOf(who)],
      );
    await say(ANN);
    const [deleted, , ...others] = await Promise.all([
      by(ANN).call("DELETE", `/api/conversations/${id}`),
      // too late, or deleted with it
      say(CY).catch(() => undefined),
      leave(BO, id),
      by(CY).call("POST", `/api/conversations/${id}/members`, { user_ids: [idOf(BO)] }),
    ]);
    expect(deleted.status).toBe(204);
    for (const { status } of others) expect([200, 204, 404]).toContain(status);
    expect(await leftOver()).toEqual([]);
    for (const who of [ANN, BO, CY]) expect((await by(who).call("GET", `/api/conversations/${id}`)).status).toBe(404);
  }
});

test("a server that is deleted while somebody joins and speaks is gone", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { id, invite_code } = (await by(ANN).call("POST", "/api/servers", { name: "Garden" })).value;
    const channel = (await by(ANN).call("GET", `/api/servers/${id}/channels`)).value.items[0].id;
    const [deleted, joined, said] = await Promise.all([
      by(ANN).call("DELETE", `/api/servers/${id}`),
      by(BO).call("POST", "/api/servers/join", { invite_code }),
      by(ANN).call("POST", `/api/rooms/${channel}/messages`, { content: "hi" }),
    ]);
    expect(deleted.status).toBe(204);
    expect([200, 404]).toContain(joined.status);
    expect([[201, 404], said.text]).toEqual([expect.arrayContaining([said.status]), said.text]);
    for (const table of ["members", "channels"])
      expect(await system.supabase.sql(`select id from public.${table} where server_id = $1`, [id])).toEqual([]);
    expect(await system.supabase.sql("select id from public.group_messages where channel_id = $1", [channel])).toEqual(
      [],
    );
  }
});
