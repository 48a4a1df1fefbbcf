/** The API over both databases: the same requests, the same answers, all of them as the document describes. */

import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCollections, filedCollections } from "../../shared/collections/index.ts";
import { DEFAULT_QUOTA } from "../../shared/repository/quotas.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor, servers } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

type Body = Record<string, unknown>;

let supabase: TestSupabase;
let api: ApiInstance;
let mongo: MongoClient;

beforeAll(async () => {
  supabase = await startTestSupabase();
  const uri = mongoUriFor("switchyard_api");
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

/** A caller whose every answer is held against the document. */
const callerOf =
  (user: TestUser) =>
  async (method: string, path: string, body?: unknown, more: Body = {}) => {
    const headers = { authorization: `Bearer ${user.jwt}`, "content-type": "application/json", ...more };
    const response = await api.app.request(path, {
      method,
      headers: headers as Record<string, string>,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    await api.judge(method.toLowerCase(), path, response);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, headers: response.headers, text, value: isJson ? JSON.parse(text) : undefined };
  };

describe.each(["supabase", "mongodb"] as const)("at home in %s", (home) => {
  let call: ReturnType<typeof callerOf>;
  beforeAll(async () => {
    call = callerOf(await newUser({ home, on: supabase }));
  });

  async function create(collection: string, body: Body): Promise<Body & { id: string }> {
    const { status, value, text } = await call("POST", `/api/${collection}`, body);
    expect(status, text).toBe(201);
    return value;
  }

  test("a record's life: created, read, changed under its ETag, deleted", async () => {
    const made = await call("POST", "/api/contacts", { name: "Ann", email: "ann@example.com" });
    expect(made.status).toBe(201);
    const path = made.headers.get("location") ?? "";
    const read = await call("GET", path);
    expect(read.value).toEqual(made.value);
    // by which way, where there are two
    const way = home === "supabase" ? `;desc="${servers().path}"` : "";
    expect(read.headers.get("server-timing")).toMatch(new RegExp(`^${home};dur=[\\d.]+${way}$`));
    const etag = made.headers.get("etag");
    const changed = await call("PATCH", path, { email: null }, { "if-match": etag });
    expect([changed.status, changed.value.email]).toEqual([200, null]);
    const late = await call("PATCH", path, { note: "x" }, { "if-match": etag });
    expect([late.status, late.value.code]).toEqual([412, "version_mismatch"]);
    expect((await call("DELETE", path, undefined, { "if-match": etag })).status).toBe(412);
    expect((await call("DELETE", path)).status).toBe(204);
    expect((await call("GET", path)).status).toBe(404);
    expect((await call("DELETE", path)).status).toBe(404);
  });

  test("an Idempotency-Key makes one record, also when the tries arrive together", async () => {
    const key = { "idempotency-key": `k-${home}` };
    const body = { name: "Bob" };
    const tries = await Promise.all(Array.from({ length: 5 }, () => call("POST", "/api/contacts", body, key)));
    expect(tries.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(new Set(tries.map(({ value }) => value.id)).size).toBe(1);
    const path = tries[0]?.headers.get("location") ?? "";
    await call("PATCH", path, { note: "since" });
    expect((await call("POST", "/api/contacts", body, key)).value.note).toBe("since");
    expect((await call("POST", "/api/contacts", { name: "Eve" }, key)).value.code).toBe("idempotency_mismatch");
    await call("DELETE", path);
    const gone = await call("POST", "/api/contacts", body, key);
    expect([gone.status, gone.value.code]).toEqual([410, "deleted"]);
  });

  test("references hold, in both directions", async () => {
    const lost = await call("POST", "/api/loans", {
      contact_id: crypto.randomUUID(),
      direction: "lent",
      amount: "1",
      currency: "EUR",
      date: "2026-01-01",
    });
    expect([lost.status, lost.value.code]).toEqual([422, "invalid_reference"]);
    const contact = await create("contacts", { name: "Cy" });
    const loan = { contact_id: contact.id, direction: "lent", amount: "100.10", currency: "EUR", date: "2026-01-01" };
    const { id } = await create("loans", loan);
    expect((await call("DELETE", `/api/contacts/${contact.id}`)).status).toBe(409);
    expect((await call("GET", `/api/loans/${id}/status`)).value).toEqual({ paid: "0.00", outstanding: "100.10" });
    await create("loan_payments", { loan_id: id, amount: "50.05", date: "2026-02-01" });
    await create("loan_payments", { loan_id: id, amount: "60", date: "2026-02-02" });
    const status = await call("GET", `/api/loans/${id}/status`);
    expect(status.value).toEqual({ paid: "110.05", outstanding: "-9.95" });
    expect((await call("GET", `/api/loans/${crypto.randomUUID()}/status`)).status).toBe(404);
  });

  test("lists, counts, summaries, reports, budgets and exports agree", async () => {
    const food = await create("categories", { name: "Food", kind: "expense" });
    const spent: [string, string, string, string | null][] = [
      ["10.10", "EUR", "2026-01-30", food.id],
      ["20.20", "EUR", "2026-01-31", food.id],
      ["0.01", "EUR", "2026-02-27", food.id],
      ["5", "USD", "2026-02-01", food.id],
      ["7", "EUR", "2026-02-28", food.id],
      ["3", "EUR", "2026-02-10", null],
    ];
    for (const [amount, currency, date, category_id] of spent)
      await create("expenses", { amount, currency, date, category_id, description: `=of ${date}`, tags: ["a"] });

    const filter = `category_id=${food.id}&date[gte]=2026-01-31&currency=EUR`;
    expect((await call("GET", `/api/expenses/count?${filter}`)).value).toEqual({ count: 3 });
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = await call("GET", `/api/expenses?${filter}&sort=-amount&limit=1${cursor}`);
      seen.push(...page.value.items.map(({ amount }: { amount: string }) => amount));
      cursor = page.value.next_cursor ? `&cursor=${encodeURIComponent(page.value.next_cursor)}` : "";
    } while (cursor);
    expect(seen).toEqual(["20.20", "7.00", "0.01"]);

    const summary = await call("GET", `/api/expenses/summary?by=month&${filter}`);
    expect(summary.value.items).toEqual([
      { key: "2026-01", currency: "EUR", count: 1, sum: "20.20", min: "20.20", max: "20.20", average: "20.20" },
      { key: "2026-02", currency: "EUR", count: 2, sum: "7.01", min: "0.01", max: "7.00", average: "3.505" },
    ]);

    const days = "from=2026-01-31&to=2026-02-28";
    expect((await call("GET", `/api/reports/spending?${days}`)).value.items).toEqual([
      { key: null, currency: "EUR", sum: "3.00", count: 1 },
      { key: food.id, name: "Food", currency: "EUR", sum: "27.21", count: 3 },
      { key: food.id, name: "Food", currency: "USD", sum: "5.00", count: 1 },
    ]);
    expect((await call("GET", `/api/reports/spending?${days}&by=month`)).value.items).toEqual([
      { key: "2026-01", currency: "EUR", sum: "20.20", count: 1 },
      { key: "2026-02", currency: "EUR", sum: "10.01", count: 3 },
      { key: "2026-02", currency: "USD", sum: "5.00", count: 1 },
    ]);

    const plan = { name: "b", amount: "25", currency: "EUR", period: "monthly", starts_on: "2026-01-31" };
    const all = await create("budgets", plan);
    const some = await create("budgets", { ...plan, category_id: food.id, ends_on: "2026-02-20" });
    const status = async (id: string, on: string) => (await call("GET", `/api/budgets/${id}/status?on=${on}`)).value;
    const period = { period_start: "2026-01-31", period_end: "2026-02-27" };
    expect(await status(all.id, "2026-02-27")).toEqual({ ...period, spent: "23.21", remaining: "1.79" });
    expect(await status(all.id, "2026-02-28")).toMatchObject({ period_start: "2026-02-28", spent: "7.00" });
    expect(await status(some.id, "2026-02-20")).toMatchObject({ period_end: "2026-02-20", spent: "20.20" });
    expect(await status(some.id, "2026-02-21")).toMatchObject({ status: 400, code: "invalid_query" });
    expect(await status(all.id, "2026-01-30")).toMatchObject({ status: 400, code: "invalid_query" });

    const refused = async (path: string) => (await call("GET", path)).value.errors?.[0];
    expect(await refused(`/api/reports/spending?${days}&category_id=${food.id}`)).toEqual({
      field: "category_id",
      code: "unknown_parameter",
      message: "This report has no parameter category_id. It has from, to, by.",
    });
    for (const [path, code] of [
      [`/api/reports/spending?${days}&tz=Asia/Tokyo`, "unknown_parameter"],
      [`/api/reports/spending?${days}&from=2026-01-01`, "repeated"],
      [`/api/budgets/${all.id}/status?on=2026-02-27&tz=Asia/Tokyo`, "no_effect"],
      [`/api/budgets/${all.id}/status?tz=Etc/GMT+5`, "invalid_value"],
      ["/api/expenses?limit=1&limit=2", "repeated"],
      ["/api/expenses?created_at[gt]=2026-01-01T00:00:00+01:00", "invalid_value"],
    ] as const)
      expect([path, (await refused(path))?.code]).toEqual([path, code]);
    expect((await call("GET", `/api/budgets/${all.id}/status?tz=Etc/GMT%2B5`)).status).not.toBe(404);

    const csv = await call("GET", `/api/expenses/export.csv?${filter}&sort=date`);
    const lines = csv.text.trimEnd().split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain(`20.20,"EUR","2026-01-31","${food.id}","Food","'=of 2026-01-31"`);
  });

  test("the account: who it is, and that nothing answers to it once it is deleted", async () => {
    const user = await newUser({ home, on: supabase });
    const own = callerOf(user);
    const [assignment] = await supabase.sql<{ assigned_at: string }>(
      "select assigned_at from public.user_database_assignments where user_id = $1",
      [user.id],
    );
    expect((await own("GET", "/api/me")).value).toEqual({
      ...{ id: user.id, email: user.email, home, home_kind: home === "supabase" ? "postgres" : home },
      home_since: new Date(assignment?.assigned_at ?? "").toISOString(),
      usage: { records: expect.any(Number), bytes: expect.any(Number), quota: DEFAULT_QUOTA },
    });
    expect((await own("POST", "/api/contacts", { name: "Dee" })).status).toBe(201);
    expect((await own("GET", "/api/admin/database-stats")).status).toBe(403);
    expect((await own("DELETE", "/api/me")).status).toBe(204);
    expect((await own("GET", "/api/me")).status).toBe(401);
    expect((await own("GET", "/api/contacts")).status).toBe(401);
  });

  test("the export has the account and every record of every collection, as the lists show them", async () => {
    const user = await newUser({ home, on: supabase });
    const own = callerOf(user);
    const bodies: [string, Body][] = [
      ["categories", { name: "Food", kind: "expense" }],
      ["expenses", { amount: "12.50", currency: "EUR", date: "2026-03-14", tags: ["a"] }],
      ["contacts", { name: "Dee" }],
    ];
    for (const [name, body] of bodies) expect((await own("POST", `/api/${name}`, body)).status).toBe(201);
    const { status, value, headers } = await own("GET", "/api/me/export");
    expect([status, headers.get("content-disposition")]).toEqual([200, 'attachment; filename="account.json"']);
    expect(value).toMatchObject({
      account: { id: user.id, email: user.email },
      home: { database: home, epoch: 1 },
      complete: true,
    });
    // a conversation or a channel is nobody's own
    const owned = allCollections
      .map(({ name }) => name)
      .filter((name) => !["conversations", "channels"].includes(name));
    expect(Object.keys(value.collections)).toEqual(owned);
    for (const { name } of filedCollections)
      expect(value.collections[name]).toEqual((await own("GET", `/api/${name}?sort=created_at`)).value.items);
    // and of nobody else; that they were made is known, or will be in a moment
    const { activity_logs: _, ...records } = value.collections as Record<string, unknown[]>;
    expect(Object.values(records).flat()).toHaveLength(bodies.length);
  });

  test("every route's wrong requests get answers that the document describes", async () => {
    const nowhere = crypto.randomUUID();
    for (const { name } of filedCollections) {
      for (const path of [`/api/${name}`, `/api/${name}/count`, `/api/${name}/summary`, `/api/${name}/export.csv`]) {
        expect((await call("GET", path)).status, path).toBe(200);
        expect((await call("GET", `${path}?nope=1`)).status, path).toBe(400);
      }
      expect((await call("POST", `/api/${name}`, {})).status).toBe(422);
      expect((await call("POST", `/api/${name}`, {}, { "content-type": "text/plain" })).status).toBe(415);
      for (const id of [nowhere, "x"]) {
        const expected = id === "x" ? 400 : 404;
        expect((await call("GET", `/api/${name}/${id}`)).status).toBe(expected);
        expect((await call("PATCH", `/api/${name}/${id}`, {})).status).toBe(expected);
        expect((await call("DELETE", `/api/${name}/${id}`)).status).toBe(expected);
        expect((await call("DELETE", `/api/${name}/${id}`, undefined, { "if-match": '"1"' })).status).toBe(expected);
      }
    }
  });
});

test("admins see where everyone lives; health and configuration are public", async () => {
  const admin = await newUser({ home: "supabase", on: supabase, appMetadata: { role: "admin" } });
  const stats = await callerOf(admin)("GET", "/api/admin/database-stats");
  expect(stats.status).toBe(200);
  expect(Object.keys(stats.value)).toEqual([
    "userDistribution",
    "totalUsers",
    "mongodb",
    "supabase",
    "homes",
    "timestamp",
  ]);
  for (const path of ["/api/health", "/api/config"]) {
    const response = await api.app.request(path);
    await api.judge("get", path, response);
    expect(response.status).toBe(200);
  }
});
