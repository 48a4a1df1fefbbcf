/** How often the edge function `moves` is called for steps that are due, on a project that has pg_net. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser } from "../setup/users.ts";

let control: OwnDatabase;
beforeAll(async () => {
  control = await startOwnDatabase();
  await control.sql(`do $$ begin
    create schema if not exists net;
    create table net.posted (url text);
    create function net.http_post(url text, headers jsonb, body jsonb, timeout_milliseconds integer) returns bigint
      language sql as 'insert into net.posted values (url); select 1::bigint';
  end $$`);
  await control.sql(
    "insert into switchyard.settings (key, value) values ('functions_url', 'http://functions'), ('secret_key', 'key')",
  );
});
afterAll(() => control?.stop());

const ticks = async (count: number) => {
  await control.sql("delete from net.posted");
  for (let tick = 0; tick < count; tick++) await control.sql("select switchyard.moves_tick()");
  const posted = await control.sql<{ url: string }>("select url from net.posted");
  expect(posted.every(({ url }) => url === "http://functions/moves")).toBe(true);
  return posted.length;
};
/** So many seconds pass. */
const pass = async (seconds: number) => {
  await control.sql(`update switchyard.moves_wakes set woken_at = woken_at - interval '${seconds} seconds'`);
  await control.sql(`update switchyard.tasks set due_at = due_at - interval '${seconds} seconds' where queue = 'move'`);
};
const claim = (databases: string[]) =>
  control.sql("select public.switchyard_claim_move($1::text[], 30)", [`{${databases.join(",")}}`]);

test("a call of which nothing comes is followed by fewer and fewer, until something is claimed or becomes due", async () => {
  expect(await ticks(3)).toBe(0);
  const [one, other] = [
    await newUser<string>({ home: "supabase", on: control }),
    await newUser<string>({ home: "supabase", on: control }),
  ];
  const start = (id: string) => control.sql("select public.switchyard_start_moves($1::uuid[], 'mongodb')", [`{${id}}`]);
  await start(one.id);
  expect(await ticks(1)).toBe(1);
  // a function that does not know one of the two
  await claim(["supabase"]);
  for (const seconds of [5, 10, 20, 40]) {
    await pass(seconds - 1);
    expect([seconds, await ticks(2)]).toEqual([seconds, 0]);
    await pass(1);
    expect([seconds, await ticks(2)]).toEqual([seconds, 1]);
  }
  for (let calls = 0; calls < 10; calls++) {
    await pass(300);
    await ticks(1);
  }
  await pass(299);
  expect(await ticks(1)).toBe(0);
  // another one is due
  await start(other.id);
  expect(await ticks(1)).toBe(1);
  expect(await ticks(1)).toBe(0);
  // somebody works
  await claim(["supabase", "mongodb"]);
  expect(await ticks(1)).toBe(1);
  expect(await ticks(1)).toBe(0);
});
