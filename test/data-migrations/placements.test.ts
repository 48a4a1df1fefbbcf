/** Collections of every placement are changed where they are written, by the ordinary way: copies, quotas and references hold. */
import { randomUUID } from "node:crypto";
import { MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { categories } from "../../shared/collections/categories.ts";
import { contacts } from "../../shared/collections/contacts.ts";
import { customers } from "../../shared/collections/customers.ts";
import { directMessages } from "../../shared/collections/direct-messages.ts";
import { expenses } from "../../shared/collections/expenses.ts";
import { preferences } from "../../shared/collections/preferences.ts";
import { databasesOf } from "../../shared/data-migrations/databases.ts";
import { defineDataMigration } from "../../shared/definition/data-migration.ts";
import { value } from "../contract/store.ts";
import { type Contact, fileOf, type MigratingSystem, startMigratingSystem } from "./system.ts";

let system: MigratingSystem;
let mongo: MongoClient;
beforeAll(async () => {
  system = await startMigratingSystem("placements");
  mongo = await new MongoClient(system.env.MONGODB_URI ?? "").connect();
});
afterAll(async () => {
  await mongo?.close();
  await system?.stop();
});

const databaseNamed = (name: string) => {
  const found = system.registry.get(name);
  if (!found) throw new Error(`no database ${name}`);
  return found;
};

/** A key that the definition does not have, as somebody may have made by hand. */
async function uniquePhone(home: string): Promise<() => Promise<unknown>> {
  const name = "test_unique_phone";
  if (home === "supabase") {
    await system.control.sql(`create unique index ${name} on public.contacts (user_id, phone)`);
    return () => system.control.sql(`drop index public.${name}`);
  }
  const records = mongo.db().collection("contacts");
  const partialFilterExpression = { phone: { $type: "string" } } as const;
  await records.createIndex({ "_id.user_id": 1, phone: 1 }, { name, unique: true, partialFilterExpression });
  return () => records.dropIndex(name);
}
const phonesOf = async (user: Parameters<MigratingSystem["contactsOf"]>[0]) =>
  (await system.contactsOf(user)) as (Contact & { phone: string | null })[];

test("replicated, with its primary in Supabase: changed there, and marked for its copy", async () => {
  const user = await system.user("mongodb");
  const id = randomUUID();
  const contact = { addresses: [{ city: "Kyiv", floor: 2 }], big: 12345678901234 };
  await system.control.sql(
    "insert into public.customers (owner_id, id, name, contact) values ($1::uuid, $2::uuid, 'Ann', $3::jsonb)",
    [user.id, id, JSON.stringify(contact)],
  );
  const io = { env: system.env, out: () => {}, err: (line: string) => expect(line).toBe("") };
  expect(await runCommand(["replication", "backfill"], io)).toBe(0);
  expect(await system.control.sql("select row_id from switchyard.marks")).toEqual([]);
  const migration = defineDataMigration({
    collection: customers,
    up: ({ details, contact }) => (details === null ? { details: { was: contact, first: true } } : null),
  });
  expect((await system.databasesOf(customers as never)).map(({ name }) => name)).toEqual(["supabase"]);
  expect((await system.run(fileOf(migration)))._unsafeUnwrap().changed).toBe(1);
  expect(await system.control.sql("select details, contact from public.customers")).toEqual([
    { details: { was: contact, first: true }, contact },
  ]);
  expect(await system.control.sql("select distinct collection, row_id::text from switchyard.marks")).toEqual([
    { collection: "customers", row_id: id },
  ]);
});

test("replicated, with its primary in MongoDB, and of rooms: changed there, and to be sent", async () => {
  const [room, sender] = [randomUUID(), await system.user("supabase")];
  const store = value(await databaseNamed("mongodb").scoped({ id: sender.id, scope: room, jwt: "" }));
  const values = { sender_id: sender.id, content: "hello", file_url: null, edited_at: null, is_deleted: false };
  const made = value(await store.create(directMessages as never, randomUUID(), values));
  const messages = mongo.db().collection("direct_messages");
  const dirty = { $unset: { _dirty: 1 as const } };
  await messages.updateMany({}, dirty);
  const migration = defineDataMigration({
    collection: directMessages,
    up: ({ content }) => (content === null || content.endsWith("!") ? null : { content: `${content}!` }),
  });
  expect((await system.run(fileOf(migration)))._unsafeUnwrap()).toMatchObject({ changed: 1, read: 1 });
  const [found] = await messages.find({}).toArray();
  expect(found).toMatchObject({ content: "hello!", sender_id: new UUID(sender.id) });
  expect(Number(found?.version)).toBeGreaterThan(Number(made.version));
  expect(found?._dirty).toBeDefined();
});

test("pinned: in that database alone, and JSON as it is", async () => {
  const user = await system.user("supabase");
  const call = system.callerOf(user);
  const metadata = { theme: "dark", nested: [1, { a: null }] };
  expect((await call("PATCH", "/preferences", { metadata })).status).toBeLessThan(300);
  const migration = defineDataMigration({
    collection: preferences,
    up: ({ notifications }) =>
      (notifications as { push?: boolean } | null)?.push === true
        ? null
        : { notifications: { ...(notifications as object), push: true } },
  });
  expect((await system.databasesOf(preferences as never)).map(({ name }) => name)).toEqual(["mongodb"]);
  expect((await system.run(fileOf(migration)))._unsafeUnwrap().changed).toBe(1);
  const { body } = await call("GET", "/preferences");
  expect(body).toMatchObject({ metadata, notifications: { email: true, in_app: true, push: true } });
});

test("every home that may have users has to be configured; one that was never opened need not be", () => {
  const row = { opened_at: null, accepting: false, user_count: 0 };
  const listed = [
    { ...row, name: "supabase", opened_at: "2026-01-01" },
    { ...row, name: "far", user_count: 1 },
    { ...row, name: "unused" },
  ];
  const named = (name: string) => [name, { name, changes: async () => Promise.reject(new Error()) }] as const;
  expect(databasesOf(contacts as never, new Map([named("supabase")]), listed)._unsafeUnwrapErr()).toMatchObject({
    code: "misconfigured",
    message: expect.stringContaining("set DATABASE_FAR"),
  });
  const both = databasesOf(contacts as never, new Map([named("supabase"), named("far")]), listed)._unsafeUnwrap();
  expect(both.map(({ name }) => name)).toEqual(["far", "supabase"]);
});

describe.each(["supabase", "mongodb"])("at home in %s", (home) => {
  test("a reference to nothing, and what others rely on, are refused record by record, and named", async () => {
    const user = await system.user(home);
    const call = system.callerOf(user);
    const made = async (path: string, body: object) => {
      const answer = await call("POST", path, body);
      expect([path, answer.status]).toEqual([path, 201]);
      return answer.body;
    };
    const kinds = [
      await made("/categories", { name: "Food", kind: "expense" }),
      await made("/categories", { name: "Rent", kind: "expense" }),
    ];
    const [food, rent] = kinds;
    const spent = { amount: "1.00", currency: "EUR", date: "2026-01-01" };
    const one = await made("/expenses", { ...spent, category_id: food.id });
    const others = [await made("/expenses", spent), await made("/expenses", spent)];
    const gone = randomUUID();

    const refer = defineDataMigration({
      collection: expenses,
      up: ({ id, category_id }) => {
        const wanted = id === others[0].id ? gone : id === others[1].id ? rent.id : category_id;
        return wanted === category_id ? null : { category_id: wanted };
      },
    });
    const referred = (await system.run(fileOf(refer)))._unsafeUnwrapErr();
    expect(referred.message).toMatch(/^1 records of expenses do not fit/);
    expect(referred.message).toContain(`${others[0].id} (${home}): `);
    expect((await call("GET", `/expenses/${others[1].id}`)).body.category_id).toBe(rent.id);

    const fixed = defineDataMigration({
      collection: categories,
      up: ({ id, kind }) => (id === food.id && kind === "expense" ? { kind: "income" } : null),
    });
    const relied = (await system.run(fileOf(fixed)))._unsafeUnwrapErr();
    expect(relied.message).toContain(`${food.id} (${home}): `);
    expect((await call("GET", `/expenses/${one.id}`)).body.category_id).toBe(food.id);
  });

  test("a unique key refuses the record alone, named with the key and the database; mended, the rest is done", async () => {
    const user = await system.userWith(home, ["a", "b", "c"]);
    const dropKey = await uniquePhone(home);
    try {
      const phoned = (phoneOf: (note: string) => string) =>
        defineDataMigration({
          collection: contacts,
          up: ({ user_id, note, phone }) =>
            user_id === user.id && phone === null ? { phone: phoneOf(note ?? "") } : null,
        });
      const file = fileOf(phoned((note) => (note === "c" ? "+2" : "+1")));
      const refused = (await system.run(file))._unsafeUnwrapErr().message;
      expect(refused).toMatch(new RegExp(`^1 records of contacts do not fit, and ${file.name} is not done`));
      const [left, ...more] = (await phonesOf(user)).filter(({ phone }) => phone === null);
      expect(more).toEqual([]);
      expect(refused).toMatch(new RegExp(`\\n  ${left?.id} \\(${home}\\): .*unique (key|constraint)`));
      const mended = phoned((note) => `+${note}`);
      expect((await system.run({ ...file, checksum: "2", migration: mended as never }))._unsafeUnwrap().changed).toBe(
        1,
      );
      expect((await phonesOf(user)).map(({ phone }) => phone).sort()).toEqual(["+1", "+2", `+${left?.note}`]);
    } finally {
      await dropKey();
    }
  });

  test("what its user keeps is counted with what was changed", async () => {
    const user = await system.userWith(home, ["a", "b"]);
    const database = databaseNamed(home);
    const long = "x".repeat(1_500);
    const grow = defineDataMigration({
      collection: contacts,
      up: ({ user_id, phone }) => (user_id === user.id && phone === null ? { phone: long } : null),
      down: ({ user_id, phone }) => (user_id === user.id && phone === long ? { phone: null } : null),
    });
    const file = fileOf(grow);
    expect((await system.run(file))._unsafeUnwrap().changed).toBe(2);
    const counted = value(await database.usage(user.id));
    const held = Object.values(value(await database.holdings(user.id)));
    expect(counted.bytes).toBeGreaterThan(3_000);
    expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(counted.bytes);
    expect((await system.run(file, { direction: "down" })).isOk()).toBe(true);
    expect(value(await database.usage(user.id)).bytes).toBeLessThan(2_000);
  });
});

test("a quota that is used up refuses what makes a record longer", async () => {
  const user = await system.userWith("supabase", ["a"]);
  const before = (await system.control.sql("select records, bytes from switchyard.quotas"))[0];
  await system.control.sql("select public.switchyard_set_quotas(null, 100)");
  const grow = defineDataMigration({
    collection: contacts,
    up: ({ user_id, phone }) => (user_id === user.id && phone === null ? { phone: "x".repeat(1_500) } : null),
  });
  const refused = await system.run(fileOf(grow));
  await system.control.sql("select public.switchyard_set_quotas($1::bigint, $2::bigint)", [
    before?.records,
    before?.bytes,
  ]);
  expect(refused._unsafeUnwrapErr().message).toMatch(/\(supabase\): This would make 1 records with \d+ bytes/);
});
