/** Many writes in one request, and one record merged into another: in both homes, with answers as the document describes. */

import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

type Body = Record<string, unknown>;
interface Result {
  status: number;
  record?: Body & { id: string; version: number };
  problem?: { code: string; errors: { field: string }[] };
}

let supabase: TestSupabase;
let api: ApiInstance;
let mongo: MongoClient;

beforeAll(async () => {
  supabase = await startTestSupabase();
  const uri = mongoUriFor("switchyard_batch");
  mongo = new MongoClient(uri);
  await dropHome(mongo.db());
  await prepareHome(mongo.db());
  api = await startApi({ on: supabase, mongoUri: uri });
});
afterAll(async () => {
  await api?.close();
  if (mongo) await dropHome(mongo.db());
  await mongo?.close();
  await supabase?.stop();
});

const callerOf = (user: TestUser) => async (method: string, path: string, body?: unknown) => {
  const response = await api.app.request(path, {
    method,
    headers: { authorization: `Bearer ${user.jwt}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await api.judge(method.toLowerCase(), path, response);
  const text = await response.text();
  return { status: response.status, headers: response.headers, value: text === "" ? undefined : JSON.parse(text) };
};

const spent = { amount: "1", currency: "EUR", date: "2026-03-14" };

describe.each(["supabase", "mongodb"] as const)("at home in %s", (home) => {
  let call: ReturnType<typeof callerOf>;
  beforeAll(async () => {
    call = callerOf(await newUser({ home, on: supabase }));
  });
  const batch = async (collection: string, operations: Body[]): Promise<Result[]> => {
    const { status, value } = await call("POST", `/api/${collection}/batch`, { operations });
    expect([status, value.code]).toEqual([200, undefined]);
    return value.results;
  };
  const create = async (collection: string, body: Body): Promise<string> =>
    (await call("POST", `/api/${collection}`, body)).value.id;

  test("every operation has its outcome, in order, and one that is refused undoes no other", async () => {
    const kept = await create("expenses", spent);
    const gone = await create("expenses", spent);
    const nobody = crypto.randomUUID();
    const results = await batch("expenses", [
      { op: "create", body: { ...spent, description: "new" } },
      { op: "create", body: { ...spent, amount: "twelve", colour: "red" } },
      { op: "create", body: { ...spent, category_id: nobody } },
      { op: "update", id: kept, body: { amount: "2" } },
      { op: "update", id: kept, body: { amount: "3" }, if_match: '"7"' },
      { op: "update", id: nobody, body: { amount: "3" } },
      { op: "delete", id: gone },
      { op: "delete", id: gone },
      { op: "update", id: kept, body: {}, if_match: "unquoted" },
      { op: "create", body: { ...spent, id: kept } },
    ]);
    expect(results.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [201, undefined],
      [422, "invalid_input"],
      [422, "invalid_reference"],
      [200, undefined],
      [412, "version_mismatch"],
      [404, "not_found"],
      [204, undefined],
      [404, "not_found"],
      [400, "malformed"],
      [409, "duplicate"],
    ]);
    expect(results[0]?.record).toMatchObject({ ...spent, amount: "1.00", description: "new" });
    expect(results[1]?.problem?.errors.map(({ field }) => field).sort()).toEqual(["amount", "colour"]);
    expect((await call("GET", `/api/expenses/${kept}`)).value.amount).toBe("2.00");
  });

  test("what is about one record is done in turn", async () => {
    const id = crypto.randomUUID();
    const results = await batch("contacts", [
      { op: "create", body: { id, name: "a" } },
      ...["b", "c", "d"].map((name) => ({ op: "update", id, body: { name } })),
      { op: "delete", id },
    ]);
    expect(results.map(({ status }) => status)).toEqual([201, 200, 200, 200, 204]);
    expect(results.slice(0, 4).map(({ record }) => record?.name)).toEqual(["a", "b", "c", "d"]);
  });

  test("100 with idempotency keys, sent twice, are 100 records; the keys are those of single creates", async () => {
    const operations = Array.from({ length: 100 }, (_, i) => ({
      op: "create",
      body: { name: `n${i}`, kind: "expense" },
      idempotency_key: `k${i}`,
    }));
    const first = await batch("categories", operations);
    expect(first.filter(({ status }) => status !== 201)).toEqual([]);
    const again = await batch("categories", operations);
    expect(again.map(({ record }) => record?.id)).toEqual(first.map(({ record }) => record?.id));
    expect((await call("GET", "/api/categories/count?name=n7")).value.count).toBe(1);
    const [other, both] = await batch("categories", [
      { op: "create", body: { name: "else", kind: "expense" }, idempotency_key: "k7" },
      { op: "create", body: { id: crypto.randomUUID(), name: "x", kind: "expense" }, idempotency_key: "y" },
    ]);
    expect([other?.problem?.code, both?.problem?.code]).toEqual(["idempotency_mismatch", "invalid_input"]);
  });

  test("what is no batch is refused whole", async () => {
    const create = { op: "create", body: { name: "never" } };
    for (const operations of [
      [],
      Array.from({ length: 501 }, () => create),
      [create, { op: "upsert", body: {} }],
      [create, { op: "update", body: {} }],
      [create, { op: "delete", id: "x" }],
      [create, { op: "create" }],
      "all",
    ])
      expect((await call("POST", "/api/contacts/batch", { operations })).status).toBe(422);
    expect((await call("GET", "/api/contacts/count?name=never")).value.count).toBe(0);
  });

  test("a category is merged into another: what refers to it moves, then it goes", async () => {
    const [from, into, income] = await Promise.all(
      ["expense", "expense", "income"].map((kind) => create("categories", { name: "c", kind })),
    );
    await batch(
      "expenses",
      Array.from({ length: 230 }, () => ({ op: "create", body: { ...spent, category_id: from } })),
    );
    const other = await create("expenses", { ...spent, category_id: into });
    const plan = { name: "b", amount: "9", currency: "EUR", period: "monthly", starts_on: "2026-01-01" };
    const budget = await create("budgets", { ...plan, category_id: from });
    const before = (await call("GET", `/api/expenses/${other}`)).value;
    for (const [target, status, code] of [
      [from, 422, "invalid_input"],
      [income, 422, "invalid_input"],
      [crypto.randomUUID(), 422, "invalid_reference"],
    ] as const) {
      const refused = await call("POST", `/api/categories/${from}/merge`, { into: target });
      expect([refused.status, refused.value.code, refused.value.errors[0].field]).toEqual([status, code, "into"]);
    }
    const merged = await call("POST", `/api/categories/${from}/merge`, { into });
    expect([merged.status, merged.value]).toEqual([200, { moved: { expenses: 230, incomes: 0, budgets: 1 } }]);
    expect((await call("GET", `/api/categories/${from}`)).status).toBe(404);
    expect((await call("GET", `/api/expenses/count?category_id=${into}`)).value.count).toBe(231);
    expect((await call("GET", `/api/budgets/${budget}`)).value.category_id).toBe(into);
    // nothing is written that need not be
    expect((await call("GET", `/api/expenses/${other}`)).value).toEqual(before);
    // done already: there is nothing left to merge
    expect((await call("POST", `/api/categories/${from}/merge`, { into })).status).toBe(404);
    expect((await call("POST", `/api/categories/${into}/merge`, {})).status).toBe(422);
  });

  test("a merge that stopped half-way is finished by the next", async () => {
    const [from, into] = await Promise.all(["a", "b"].map((name) => create("categories", { name, kind: "expense" })));
    await batch(
      "expenses",
      Array.from({ length: 5 }, (_, i) => ({ op: "create", body: { ...spent, category_id: i < 3 ? from : into } })),
    );
    const both = await Promise.all([1, 2].map(() => call("POST", `/api/categories/${from}/merge`, { into })));
    expect(both.map(({ status }) => status).every((status) => status === 200 || status === 404)).toBe(true);
    expect((await call("GET", `/api/expenses/count?category_id=${into}`)).value.count).toBe(5);
    expect((await call("GET", `/api/categories/${from}`)).status).toBe(404);
  });

  test("a stranger's record is not merged, and nothing into it", async () => {
    const stranger = callerOf(await newUser({ home, on: supabase }));
    const [mine, mineToo] = await Promise.all(
      ["a", "b"].map((name) => create("categories", { name, kind: "expense" })),
    );
    const theirs = (await stranger("POST", "/api/categories", { name: "c", kind: "expense" })).value.id;
    expect((await stranger("POST", `/api/categories/${mine}/merge`, { into: theirs })).status).toBe(404);
    expect((await call("POST", `/api/categories/${mine}/merge`, { into: theirs })).status).toBe(422);
    expect((await call("POST", `/api/categories/${mine}/merge`, { into: mineToo })).status).toBe(200);
  });

  test("what nothing refers to has no merge", async () => {
    const id = await create("budgets", {
      name: "b",
      amount: "9",
      currency: "EUR",
      period: "monthly",
      starts_on: "2026-01-01",
    });
    const answer = await api.app.request(`/api/budgets/${id}/merge`, { method: "POST", body: "{}" });
    expect([401, 404]).toContain(answer.status);
  });
});
