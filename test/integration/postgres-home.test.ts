/** Whether a caller is at home here: the row of the assignment, its state, and the token, as REST and the functions tell it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { userClient } from "../../shared/postgres/client.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { mintToken, newUser, type TestUser } from "../setup/users.ts";

let database: OwnDatabase;
let user: TestUser;
let record: string;

beforeAll(async () => {
  database = await startOwnDatabase();
  user = await newUser({ home: "supabase", on: database });
  await database.sql("select public.switchyard_add_database('atlas', 'mongodb')");
  [{ id: record }] = (await database.sql<{ id: string }>(
    `insert into public.contacts (user_id, id, name) values ($1::uuid, gen_random_uuid(), 'Ann') returning id`,
    [user.id],
  )) as [{ id: string }];
});
afterAll(() => database?.stop());

interface Case {
  /** the row; null for none */
  row: { home: string; epoch: number; state?: "active" | "moving" } | null;
  token: Record<string, unknown>;
}

async function outcomes({ row, token }: Case): Promise<Record<string, unknown>> {
  const { id } = user;
  await database.sql("delete from public.user_database_assignments where user_id = $1::uuid", [id]);
  if (row)
    await database.sql(
      `insert into public.user_database_assignments (user_id, database_provider, epoch, state, reason)
       values ($1::uuid, $2, $3::int, $4, 'by a test')`,
      [id, row.home, row.epoch, row.state ?? "active"],
    );
  const jwt = await mintToken(database, { id, email: user.email }, { appMetadata: token });
  const client = userClient({ SUPABASE_URL: database.url, SUPABASE_PUBLISHABLE_KEY: database.publishableKey }, jwt);
  const table = () => client.from("contacts");
  const of = { p_collection: "contacts", p_user_id: id };
  const list = (limit: number) =>
    client.rpc("records_list", {
      ...of,
      p_filters: "[]",
      p_search: null,
      p_order: '[{"field": "id", "descending": false}]',
      p_after: null,
      p_limit: limit,
      p_columns: '["id"]',
    });
  const fresh = { user_id: id, id: crypto.randomUUID(), name: "Bob" };
  const said = ({ data, error, status }: { data: unknown; error: { code: string } | null; status: number }) =>
    error
      ? `${status} ${error.code}`
      : Array.isArray(data)
        ? data.length
        : ((data as { error?: string }).error ?? "done");
  return {
    select: said(await table().select("id")),
    // also where the table has nothing of theirs
    selectNothing: said(await client.from("loans").select("id")),
    list: said(await list(5)),
    insert: said(await table().insert(fresh).select("id")),
    update: said(await table().update({ name: "Eve" }).eq("id", record).select("id")),
    delete: said(await table().delete().eq("id", fresh.id).select("id")),
    create: said(
      await client.rpc("records_create", {
        p_collection: "contacts",
        p_record: JSON.stringify(fresh),
        p_columns: '["id"]',
      }),
    ),
    change: said(
      await client.rpc("records_update", {
        ...of,
        p_id: record,
        p_changes: '{"name":"Ann"}',
        p_version: null,
        p_columns: '["id"]',
      }),
    ),
    remove: said(await client.rpc("records_delete", { ...of, p_id: fresh.id, p_version: null })),
  };
}

/** From the tables and the function that reads, and from the functions that write. */
const all = (rest: unknown, functions = rest) => ({
  select: rest,
  selectNothing: rest,
  list: rest,
  insert: rest,
  update: rest,
  delete: rest,
  create: functions,
  change: functions,
  remove: functions,
});
const HERE = {
  select: 1,
  selectNothing: 0,
  list: 1,
  insert: 1,
  update: 1,
  delete: 1,
  create: "done",
  change: "done",
  remove: "done",
};
const ELSEWHERE = {
  ...all(0),
  insert: "403 42501",
  create: "42501",
  change: "P0002",
  remove: "P0002",
};
const MOVING = { ...all("503 PT503", "PT503"), select: 1, selectNothing: 0, list: 1 };
const STALE = all("421 PT421", "PT421");
const to = (home: string, home_epoch = 1) => ({ home, home_epoch });

describe("in the control plane the row decides, and the token says whether it is out of date", () => {
  test.each<[string, Case, object]>([
    ["here", { row: { home: "supabase", epoch: 1 }, token: to("supabase") }, HERE],
    ["here, with a token from before homes were in tokens", { row: { home: "supabase", epoch: 1 }, token: {} }, HERE],
    ["here again, with an older token", { row: { home: "supabase", epoch: 3 }, token: to("mongodb", 2) }, HERE],
    ["being moved", { row: { home: "supabase", epoch: 1, state: "moving" }, token: to("supabase") }, MOVING],
    ["elsewhere", { row: { home: "atlas", epoch: 2 }, token: to("atlas", 2) }, ELSEWHERE],
    [
      "elsewhere, with a token from before the move",
      { row: { home: "atlas", epoch: 2 }, token: to("supabase") },
      STALE,
    ],
    ["nowhere", { row: null, token: {} }, ELSEWHERE],
    ["nowhere, whatever the token says", { row: null, token: to("supabase", 9) }, ELSEWHERE],
  ])("%s", async (_, given, expected) => {
    expect(await outcomes(given)).toEqual(expected);
  });
});

describe("in a data plane, which knows only who has moved, the newer of the two decides", () => {
  beforeAll(async () => {
    await database.sql("select public.switchyard_add_database('neon', 'postgres')");
    await database.sql("update switchyard.self set is_control = false, name = 'neon', site = 3");
  });

  test.each<[string, Case, object]>([
    ["here, by the token", { row: null, token: to("neon") }, HERE],
    ["elsewhere, by the token", { row: null, token: to("supabase") }, ELSEWHERE],
    ["nowhere", { row: null, token: {} }, ELSEWHERE],
    ["no home, but one with a strange name", { row: null, token: { home: ["neon"], home_epoch: "x" } }, ELSEWHERE],
    ["being moved away", { row: { home: "neon", epoch: 1, state: "moving" }, token: to("neon") }, MOVING],
    ["moved away, with a token from before", { row: { home: "atlas", epoch: 2 }, token: to("neon") }, STALE],
    ["moved away, with a token without an epoch", { row: { home: "atlas", epoch: 2 }, token: { home: "neon" } }, STALE],
    ["moved away", { row: { home: "atlas", epoch: 2 }, token: to("atlas", 2) }, ELSEWHERE],
    ["moved away and back", { row: { home: "atlas", epoch: 2 }, token: to("neon", 3) }, HERE],
  ])("%s", async (_, given, expected) => {
    expect(await outcomes(given)).toEqual(expected);
  });

  test("and versions end in the site", async () => {
    const [row] = await database.sql<{ version: string }>("select switchyard.next_version() as version");
    expect(Number(row?.version) % 8).toBe(3);
  });
});
