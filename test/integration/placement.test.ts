/** Who gets which home: the trigger on auth.users, in SQL. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { placementUsers } from "./placement-users.ts";

let database: OwnDatabase;
const users = placementUsers(() => database);
const { insert, homeOf, counts } = users;

beforeAll(async () => {
  database = await startOwnDatabase();
});
afterAll(() => database?.stop());
beforeEach(() => users.reset());

const homes = async (count: number) => {
  const given: (string | undefined)[] = [];
  for (let made = 0; made < count; made++) given.push(await homeOf(await insert()));
  return given;
};

describe("a new user's home", () => {
  test("is the least used database; of equals, the first by name", async () => {
    expect(await homes(4)).toEqual(["mongodb", "supabase", "mongodb", "supabase"]);
  });

  test("follows the weights", async () => {
    await users.set("supabase", "weight = 3");
    await users.insertMany(100);
    expect(await counts()).toEqual({
      mongodb: { counted: 25, actual: 25 },
      supabase: { counted: 75, actual: 75 },
    });
  });

  test("is chosen for each of many that one statement makes", async () => {
    await users.insertMany(501);
    expect(await counts()).toEqual({
      mongodb: { counted: 251, actual: 251 },
      supabase: { counted: 250, actual: 250 },
    });
  });

  test("is not a database that accepts nobody, is full, or was reported down", async () => {
    await users.set("mongodb", "accepting = false");
    expect(await homes(2)).toEqual(["supabase", "supabase"]);
    await users.set("mongodb", "accepting = true, capacity_users = 1");
    expect(await homes(2)).toEqual(["mongodb", "supabase"]);
    await users.set("mongodb", "capacity_users = null");
    await users.report("mongodb", false);
    expect(await homes(2)).toEqual(["supabase", "supabase"]);
    await users.report("mongodb", true);
    expect(await homes(1)).toEqual(["mongodb"]);
  });

  test("is a database whose bad report is a minute old", async () => {
    await users.report("mongodb", false);
    await database.sql("update switchyard.database_health set checked_at = now() - interval '61 seconds'");
    expect(await homes(1)).toEqual(["mongodb"]);
  });

  test("is written down with its reason", async () => {
    await users.report("mongodb", false);
    const id = await insert();
    const [history] = await database.sql(
      "select database_provider, event, reason from switchyard.assignment_history where user_id = $1::uuid",
      [id],
    );
    expect(history).toEqual({ database_provider: "supabase", event: "assigned", reason: "fallback" });
  });
});

describe("a user whom nobody can take", () => {
  test("is refused with a message for people, and nothing stays behind", async () => {
    await users.set("mongodb", "accepting = false");
    await users.report("supabase", false);
    const id = randomUUID();
    await expect(insert(id)).rejects.toThrow("No database can take new users at the moment");
    expect(await users.userExists(id)).toBe(false);
    expect(await homeOf(id)).toBeUndefined();
    expect(await database.sql("select 1 from switchyard.assignment_history where user_id = $1::uuid", [id])).toEqual(
      [],
    );
    expect(await counts()).toEqual({ mongodb: { counted: 0, actual: 0 }, supabase: { counted: 0, actual: 0 } });
  });
});

describe("a deletion", () => {
  const zero = { mongodb: { counted: 0, actual: 0 }, supabase: { counted: 0, actual: 0 } };

  test.each([
    ["soft", [users.softDelete]],
    ["hard", [users.hardDelete]],
    ["soft, soft again, then hard", [users.softDelete, users.softDelete, users.hardDelete]],
  ])("(%s) gives the place back once", async (_, steps) => {
    await users.insertMany(2);
    const id = await insert();
    for (const step of steps) await step(id);
    expect(await homeOf(id)).toBeUndefined();
    expect(await counts()).toEqual({ mongodb: { counted: 1, actual: 1 }, supabase: { counted: 1, actual: 1 } });
  });

  test("of all users in one statement empties both", async () => {
    await users.insertMany(50);
    await database.sql("delete from auth.users");
    expect(await counts()).toEqual(zero);
    expect(await database.sql("select 1 from switchyard.count_changes")).toEqual([]);
  });

  test("in the transaction that made the user leaves nothing", async () => {
    await database.sql(`do $$ begin
      insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001');
      delete from auth.users where id = '00000000-0000-4000-8000-000000000001';
    end $$`);
    await database.sql(`do $$ begin
      insert into auth.users (id) values ('00000000-0000-4000-8000-000000000002');
      update auth.users set deleted_at = now() where id = '00000000-0000-4000-8000-000000000002';
    end $$`);
    expect(await counts()).toEqual(zero);
  });

  test("never takes a count below zero, not even a wrong one", async () => {
    const id = await insert();
    await users.set("mongodb", "user_count = 0");
    await users.hardDelete(id);
    expect((await counts()).mongodb).toEqual({ counted: 0, actual: 0 });
  });

  test("that is taken back gives a home again", async () => {
    const id = await insert();
    await users.softDelete(id);
    await database.sql("update auth.users set deleted_at = null where id = $1::uuid", [id]);
    expect(await homeOf(id)).toBe("mongodb");
    expect((await counts()).mongodb).toEqual({ counted: 1, actual: 1 });
  });
});
