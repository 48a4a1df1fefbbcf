/** What only the Postgres implementation promises: one call each, checks in the tables, tombstones. */

import type { Result } from "neverthrow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { collections } from "../../shared/collections/index.ts";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { value } from "../contract/store.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { mintToken, newUser, type TestUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let ann: TestUser;
const calls: string[] = [];

beforeAll(async () => {
  supabase = await startTestSupabase();
  ann = await newUser({ home: "supabase", on: supabase });
});
afterAll(() => supabase?.stop());

const counted: typeof fetch = (input, init) => {
  calls.push(`${init?.method} ${String(input).slice(supabase.url.length)}`);
  return fetch(input, init);
};
const client = (jwt = ann.jwt) =>
  userClient({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }, jwt, {
    fetch: counted,
  });
const expenses = (jwt?: string, signal?: AbortSignal) =>
  postgresRepositories({ client: client(jwt), userId: ann.id, ...(signal && { signal }) }).repository(
    collections.expenses,
  );
const spent = { amount: "1", currency: "EUR", date: "2026-03-14" };
const problemOf = (result: Result<unknown, RepositoryError>): RepositoryError => result._unsafeUnwrapErr();

describe("every operation is one call", () => {
  const ops: [string, (id: string, version: number) => Promise<unknown>][] = [
    ["create", () => expenses().create(spent)],
    ["get", (id) => expenses().get(id)],
    ["get of nothing", () => expenses().get(crypto.randomUUID())],
    ["list", () => expenses().list({ filters: [], q: "x", sort: { field: "date", direction: "asc" }, limit: 5 })],
    ["update", (id, expectedVersion) => expenses().update(id, { description: "x" }, { expectedVersion })],
    ["an update refused", (id) => expenses().update(id, {}, { expectedVersion: 1 })],
    ["a create refused", (id) => expenses().create({ ...spent, id })],
    ["a create repeated", (id) => expenses().create({ ...spent, id }, { idempotencyHash: "other" })],
    ["count", () => expenses().count({ filters: [] })],
    ["summarize", () => expenses().summarize({ filters: [], by: "month" })],
    ["delete", (id) => expenses().delete(id)],
    ["a delete refused", (id) => expenses().delete(id, { expectedVersion: 1 })],
  ];
  test.each(ops)("%s", async (_, run) => {
    const made = value(await expenses().create(spent));
    calls.length = 0;
    await run(made.id, made.version);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(/^POST \/rest\/v1\/rpc\/records_/);
  });
});

describe("the tables themselves refuse", () => {
  const insert = (columns: string, values: string) =>
    supabase.sql(
      `insert into public.expenses (user_id, id, ${columns}) values ('${ann.id}', gen_random_uuid(), ${values}) returning id`,
    );
  const good = "amount, currency, date";
  test.each([
    ["an amount that is no number", good, "'NaN', 'EUR', '2026-01-01'", "23514"],
    ["an infinite amount", good, "'Infinity', 'EUR', '2026-01-01'", "22003"],
    ["an amount of zero", good, "0, 'EUR', '2026-01-01'", "23514"],
    ["16 digits before the point", good, "1000000000000000, 'EUR', '2026-01-01'", "22003"],
    ["a currency in lower case", good, "1, 'eur', '2026-01-01'", "23514"],
    ["a day that never ends", good, "1, 'EUR', 'infinity'", "23514"],
    ["a day before Christ", good, "1, 'EUR', '0001-01-01 BC'", "23514"],
    ["too many tags", `${good}, tags`, "1, 'EUR', '2026-01-01', array_fill('x'::text, array[21])", "23514"],
    ["a tag that is too long", `${good}, tags`, "1, 'EUR', '2026-01-01', array[repeat('x', 51)]", "23514"],
    ["an empty tag", `${good}, tags`, "1, 'EUR', '2026-01-01', array['']", "23514"],
    ["a null tag", `${good}, tags`, "1, 'EUR', '2026-01-01', array[null]::text[]", "23514"],
    ["tags in rows", `${good}, tags`, "1, 'EUR', '2026-01-01', array[array['x']]", "23514"],
    ["2,001 characters", `${good}, description`, "1, 'EUR', '2026-01-01', repeat('😀', 2001)", "23514"],
  ])("%s", async (_, columns, values, code) => {
    await expect(insert(columns, values)).rejects.toMatchObject({ code });
  });

  test("and count characters, not bytes", async () => {
    expect(await insert(`${good}, description`, "1, 'EUR', '2026-01-01', repeat('😀', 2000)")).toHaveLength(1);
    expect(await insert(`${good}, tags`, "1, 'EUR', '2026-01-01', array[repeat('😀', 50)]")).toHaveLength(1);
  });

  test("a change of the id or the owner, also by the system", async () => {
    const made = value(await expenses().create(spent));
    for (const change of ["id = gen_random_uuid()", "user_id = gen_random_uuid()"])
      await expect(supabase.sql(`update public.expenses set ${change} where id = $1`, [made.id])).rejects.toMatchObject(
        { code: "22023" },
      );
  });
});

describe("search text", () => {
  test("follows each search field without a look at the others", async () => {
    const made = value(await expenses().create({ ...spent, description: "Straße", payment_method: "Visa" }));
    const finds = async (q: string) =>
      value(await expenses().count({ q, filters: [{ field: "id", operator: "eq", value: made.id }] })) === 1;
    expect([await finds("STRASSE"), await finds("visa"), await finds("straße\nvisa")]).toEqual([true, true, false]);
    await Promise.all([
      expenses().update(made.id, { description: "Weg" }),
      expenses().update(made.id, { payment_method: null }),
    ]);
    expect([await finds("strasse"), await finds("visa"), await finds("WEG")]).toEqual([false, false, true]);
  });
});

describe("tombstones", () => {
  test("a record that comes back is newer than its deletion; a repeated create stays deleted", async () => {
    const repository = expenses();
    const id = crypto.randomUUID();
    const first = value(await repository.create({ ...spent, id }, { idempotencyHash: "h" }));
    value(await repository.delete(id));
    expect(problemOf(await repository.create({ ...spent, id }, { idempotencyHash: "h" })).code).toBe("deleted");
    expect(problemOf(await repository.create({ ...spent, id }, { idempotencyHash: "i" })).code).toBe(
      "idempotency_mismatch",
    );
    const [buried] = await supabase.sql("select version from switchyard.tombstones where id = $1", [id]);
    const future = Number(buried?.version) + 8_000_000_000;
    await supabase.sql("update switchyard.tombstones set version = $2 where id = $1", [id, future]);
    const again = value(await repository.create({ ...spent, id }));
    expect(again.version).toBe(future + 8);
    expect(first.version % 8).toBe(1);
  });

  test("a repeated create is `deleted` also when what it refers to is gone; a record that is back is there", async () => {
    const categories = postgresRepositories({ client: client(), userId: ann.id }).repository(collections.categories);
    const category = value(await categories.create({ name: "Rent", kind: "expense" }));
    const body = { ...spent, id: crypto.randomUUID(), category_id: category.id };
    value(await expenses().create(body, { idempotencyHash: "h" }));
    value(await expenses().delete(body.id));
    value(await categories.delete(category.id));
    expect(problemOf(await expenses().create(body, { idempotencyHash: "h" })).code).toBe("deleted");
    // by no request with that key
    value(await expenses().create({ ...spent, id: body.id }));
    expect(problemOf(await expenses().create(body, { idempotencyHash: "h" })).code).toBe("duplicate");
  });

  test("they expire after a week", async () => {
    const ids = [crypto.randomUUID(), crypto.randomUUID()];
    for (const id of ids) {
      value(await expenses().create({ ...spent, id }));
      value(await expenses().delete(id));
    }
    await supabase.sql("update switchyard.tombstones set deleted_at = now() - interval '8 days' where id = $1", [
      ids[0],
    ]);
    await supabase.sql("select public.switchyard_expire_tombstones()");
    const rows = await supabase.sql("select id from switchyard.tombstones where id = any ($1::uuid[])", [ids]);
    expect(rows).toEqual([{ id: ids[1] }]);
  });

  test("one is left of every record that one statement deletes", async () => {
    const ids = [1, 2, 3].map(() => crypto.randomUUID());
    for (const id of ids) value(await expenses().create({ ...spent, id }));
    await supabase.sql("delete from public.expenses where id = any ($1::uuid[])", [ids]);
    const rows = await supabase.sql("select id from switchyard.tombstones where id = any ($1::uuid[])", [ids]);
    expect(rows).toHaveLength(3);
  });
});

describe("errors", () => {
  test("a token that has expired is forbidden", async () => {
    const expired = await mintToken(supabase, ann, { expiresInSeconds: -60 });
    expect(problemOf(await expenses(expired).count({ filters: [] })).code).toBe("forbidden");
  });

  test("a call that is given up is unavailable, with its cause", async () => {
    const given = problemOf(await expenses(ann.jwt, AbortSignal.abort()).create(spent));
    expect(given.code).toBe("unavailable");
    expect(given.cause).toBeDefined();
  });

  test("a function that is missing: migrate first", async () => {
    const renamed = { rpc: (_: string, parameters: object) => client().rpc("records_missing", parameters) };
    const { repository } = postgresRepositories({ client: renamed as never, userId: ann.id });
    const answer = await repository(collections.expenses).count({ filters: [] });
    expect(answer._unsafeUnwrapErr()).toMatchObject({
      code: "misconfigured",
      message: expect.stringMatching("supabase db push"),
    });
  });
});
