/** Sign-ups that nobody confirms: they take up no capacity, and are gone after a while. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { placementUsers } from "./placement-users.ts";

let database: OwnDatabase;
const users = placementUsers(() => database);
beforeAll(async () => {
  database = await startOwnDatabase();
});
afterAll(() => database?.stop());
beforeEach(async () => {
  await users.reset();
  await database.sql("delete from switchyard.settings where key = 'unconfirmed_days'");
  await users.set("mongodb", "accepting = false");
});

const unconfirmed = async (): Promise<string> => {
  const id = randomUUID();
  await database.sql(
    `insert into auth.users (id, aud, role, email, confirmation_sent_at, created_at)
     values ($1::uuid, 'authenticated', 'authenticated', $2, now(), now())`,
    [id, `${id}@switchyard.test`],
  );
  return id;
};
const confirm = (id: string) => database.sql("update auth.users set email_confirmed_at = now() where id = $1", [id]);
/** Days ago, as if all of it had been then. */
const age = async (id: string, days: number) => {
  const ago = `now() - interval '${days} days'`;
  await database.sql(`update auth.users set confirmation_sent_at = ${ago}, created_at = ${ago} where id = $1`, [id]);
  await database.sql(`update switchyard.unconfirmed_users set since = ${ago} where user_id = $1`, [id]);
};
const expire = async () =>
  (await database.sql<{ n: number }>("select public.switchyard_expire_unconfirmed() as n"))[0]?.n;
/** What is counted in Supabase, and what there is. */
const counts = async () => {
  const [row] = await database.sql(
    `select d.user_count::int as users, d.unconfirmed_count::int as unconfirmed,
       (select count(*)::int from switchyard.unconfirmed_users n where n.database = d.name) as listed
     from switchyard.databases d where name = 'supabase'`,
  );
  return row;
};

test("a flood of them locks nobody out, and who confirms takes a place", async () => {
  await users.set("supabase", "capacity_users = 2");
  const flood = [];
  for (let i = 0; i < 5; i++) flood.push(await unconfirmed());
  expect(await counts()).toEqual({ users: 5, unconfirmed: 5, listed: 5 });
  expect(await users.homeOf(await users.insert())).toBe("supabase");
  await confirm(flood[0] ?? "");
  expect(await counts()).toEqual({ users: 6, unconfirmed: 4, listed: 4 });
  await expect(users.insert()).rejects.toThrow(/No database can take new users/);
  await expect(unconfirmed()).rejects.toThrow(/No database can take new users/);
});

test("a first sign-in counts like a confirmation, and both at once count once", async () => {
  const [one, two] = [await unconfirmed(), await unconfirmed()];
  await database.sql("update auth.users set last_sign_in_at = now() where id = $1", [one]);
  await database.sql("update auth.users set email_confirmed_at = now(), last_sign_in_at = now() where id = $1", [two]);
  await database.sql("update auth.users set last_sign_in_at = now() where id = $1", [two]);
  expect(await counts()).toEqual({ users: 2, unconfirmed: 0, listed: 0 });
});

test("they are deleted after a week and leave nothing; who was asked again later has a week from then", async () => {
  const [old, young, asked, confirmed] = [
    await unconfirmed(),
    await unconfirmed(),
    await unconfirmed(),
    await unconfirmed(),
  ];
  for (const id of [old, asked, confirmed]) await age(id, 8);
  await age(young, 6);
  await database.sql("update auth.users set confirmation_sent_at = now() - interval '1 day' where id = $1", [asked]);
  await confirm(confirmed);
  expect(await expire()).toBe(1);
  expect(await expire()).toBe(0);
  const there = await Promise.all([old, young, asked, confirmed].map(users.userExists));
  expect(there).toEqual([false, true, true, true]);
  expect(await counts()).toEqual({ users: 3, unconfirmed: 2, listed: 2 });
  for (const table of ["assignment_history where user_id", "purges where user_id", "tasks where subject"])
    expect(await database.sql(`select 1 from switchyard.${table} = $1`, [old])).toEqual([]);
});

test("how long is a setting, and 0 is for ever", async () => {
  const id = await unconfirmed();
  await age(id, 400);
  const set = (days: string) =>
    database.sql(
      `insert into switchyard.settings (key, value) values ('unconfirmed_days', $1)
       on conflict (key) do update set value = excluded.value`,
      [days],
    );
  await set("0");
  expect(await expire()).toBe(0);
  await set("500");
  expect(await expire()).toBe(0);
  await set("399");
  expect(await expire()).toBe(1);
});

test("those who are deleted otherwise are counted once, and who has signed in is purged as ever", async () => {
  const [never, once, soft] = [await unconfirmed(), await unconfirmed(), await unconfirmed()];
  await confirm(once);
  await users.softDelete(soft);
  await database.sql("delete from auth.users where id = any ($1::uuid[])", [[never, once]]);
  expect(await counts()).toEqual({ users: 0, unconfirmed: 0, listed: 0 });
  const purged = await database.sql<{ user_id: string }>(
    "select user_id from switchyard.purges where user_id = any ($1::uuid[])",
    [[never, once]],
  );
  expect(purged).toEqual([{ user_id: once }]);
});

test("users without an address are none of them", async () => {
  await database.sql("insert into auth.users (id) values (gen_random_uuid())");
  expect(await counts()).toEqual({ users: 1, unconfirmed: 0, listed: 0 });
});
