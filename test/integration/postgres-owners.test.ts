/** Tables whose owner's column has another name, at home and pinned, through REST and the functions for records. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Collection, defineCollection, home, owner, pinned } from "../../shared/definition/define.ts";
import { currency, money, name, reference } from "../../shared/definition/fields.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { newUser, type TestUser } from "../setup/users.ts";

let database: OwnDatabase;
let ann: TestUser;
let eve: TestUser;
/** at home in MongoDB */
let mo: TestUser;

/** A parent and its child; their owners' columns differ. */
const family = (placement: typeof home | (() => ReturnType<typeof pinned>), prefix: string): Collection[] => [
  defineCollection({
    name: `${prefix}_accounts`,
    title: "account",
    placement: placement(),
    scope: owner("holder_id"),
    fields: { name: name(), currency: currency() },
    unique: [["name"]],
  }) as unknown as Collection,
  defineCollection({
    name: `${prefix}_bookings`,
    title: "booking",
    placement: placement(),
    scope: owner("clerk_id"),
    fields: { amount: money(), account_id: reference(`${prefix}_accounts`) },
    currency: { reference: "account_id", field: "currency" },
  }) as unknown as Collection,
];
const PLACES = [
  ["home", home],
  ["pinned", () => pinned("supabase")],
] as const;

beforeAll(async () => {
  database = await startOwnDatabase();
  for (const [prefix, placement] of PLACES) {
    const all = family(placement, prefix);
    for (const collection of all)
      await database.sql(`do $script$ begin execute $text$${collectionSql(collection, all)}$text$; end $script$`);
  }
  ann = await newUser({ home: "supabase", on: database });
  eve = await newUser({ home: "supabase", on: database });
  mo = await newUser({ home: "mongodb", on: database });
});
afterAll(() => database?.stop());

function records(user: TestUser, collection: string, column: string, owner = user.id) {
  const config = { SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey };
  const client = userClient(config, user.jwt);
  const call = async (name: string, parameters: object): Promise<never> => {
    const all = { p_collection: collection, p_owner_column: column, ...parameters };
    const { data, error } = await client.rpc(`records_${name}`, all);
    return (error ? { raised: error.code } : data) as never;
  };
  const of = { p_user_id: owner };
  const columns = { p_columns: JSON.stringify(["id", column, "name", "amount", "version"]) };
  return {
    create: (record: object): Promise<{ record?: { id: string }; error?: string; missing?: string[] }> =>
      call("create", {
        p_record: JSON.stringify({ [column]: owner, id: crypto.randomUUID(), ...record }),
        ...columns,
      }),
    update: (id: string, changes: object): Promise<object> =>
      call("update", { ...of, p_id: id, p_changes: JSON.stringify(changes), p_version: null, ...columns }),
    delete: (id: string): Promise<object> => call("delete", { ...of, p_id: id, p_version: null }),
    list: (): Promise<{ id: string }[]> =>
      call("list", {
        ...of,
        p_filters: "[]",
        p_search: null,
        p_order: '[{"field": "created_at", "descending": true}, {"field": "id", "descending": true}]',
        p_after: null,
        p_limit: 10,
        ...columns,
      }),
    sums: (currencyOf: object): Promise<object[]> =>
      call("summarize", {
        ...of,
        p_filters: "[]",
        p_search: null,
        p_by: null,
        p_month: null,
        p_money: "amount",
        p_currency: JSON.stringify(currencyOf),
        p_limit: 10,
      }),
  };
}

test.each(PLACES)("%s: everything that is done to a record is done by the owner's column", async (prefix) => {
  const accounts = records(ann, `${prefix}_accounts`, "holder_id");
  const bookings = records(ann, `${prefix}_bookings`, "clerk_id");
  const account = (await accounts.create({ name: "Cash", currency: "EUR" })).record?.id ?? "";
  expect(await accounts.create({ name: "Cash", currency: "EUR" })).toMatchObject({ error: "23505" });
  const id = crypto.randomUUID();
  const create = () => bookings.create({ id, amount: "1.5", account_id: account, create_hash: "h" });
  const made = await create();
  expect(made).toMatchObject({ record: { id, clerk_id: ann.id, amount: "1.5000" } });
  expect(await create()).toEqual(made);
  expect(await bookings.create({ amount: "2", account_id: crypto.randomUUID() })).toEqual({
    error: "23503",
    missing: ["account_id"],
    constraint: `${prefix}_bookings_account_id_fkey`,
  });
  expect(await bookings.list()).toMatchObject([{ id }]);
  const sum = { reference: "account_id", collection: `${prefix}_accounts`, owner: "holder_id", field: "currency" };
  expect(await bookings.sums(sum)).toMatchObject([{ currency: "EUR", count: "1", sum: "1.5000" }]);
  expect(await bookings.update(id, { amount: "3" })).toMatchObject({ record: { amount: "3.0000" } });
  expect(await bookings.update(id, {})).toMatchObject({ record: { amount: "3.0000" } });
  expect(await accounts.delete(account)).toMatchObject({ error: "23503" });

  // a stranger, and an owner who is not the caller
  expect(await records(eve, `${prefix}_bookings`, "clerk_id").list()).toEqual([]);
  const strange = records(eve, `${prefix}_bookings`, "clerk_id", ann.id);
  expect(await strange.list()).toEqual([]);
  expect(await strange.delete(id)).toMatchObject({ error: "P0002" });
  expect(await strange.create({ amount: "2", account_id: account })).toMatchObject({ error: "42501" });
  const theirs = records(eve, `${prefix}_bookings`, "clerk_id");
  expect(await theirs.create({ amount: "2", account_id: account })).toMatchObject({ error: "23503" });

  expect(await bookings.delete(id)).toEqual({});
  const tombstones = "select user_id, version from switchyard.tombstones where id = $1::uuid";
  const [tombstone] = await database.sql<{ user_id: string; version: string }>(tombstones, [id]);
  expect(tombstone?.user_id).toBe(ann.id);
  expect(await create()).toMatchObject({ error: "SY410" });
  expect(await bookings.create({ id, amount: "2", account_id: account })).toMatchObject({ record: { id } });
  expect(await database.sql(tombstones, [id])).toEqual([]);
  await expect(
    database.sql(`update public.${prefix}_bookings set clerk_id = $2::uuid where id = $1::uuid`, [id, eve.id]),
  ).rejects.toMatchObject({ code: "22023" });
});

test("what is pinned here is everyone's, wherever their home is; an id is one record's", async () => {
  const accounts = records(mo, "pinned_accounts", "holder_id");
  const { record } = await accounts.create({ name: "Cash", currency: "USD" });
  expect(await accounts.list()).toMatchObject([{ id: record?.id }]);
  expect(await records(mo, "home_accounts", "holder_id").create({ name: "Cash", currency: "USD" })).toMatchObject({
    error: "42501",
  });
  const again = { id: record?.id, name: "Bank", currency: "USD" };
  expect(await records(eve, "pinned_accounts", "holder_id").create(again)).toMatchObject({ error: "23505" });
});

test("a purge finds them all", async () => {
  await database.sql("delete from auth.users where id = any ($1::uuid[])", [[ann.id, mo.id]]);
  for (const { id } of [ann, mo]) await database.sql("select public.switchyard_purge_records($1::uuid)", [id]);
  for (const table of ["home_accounts", "home_bookings", "pinned_accounts", "pinned_bookings"])
    expect(await database.sql(`select 1 from public.${table}`)).toEqual([]);
});
