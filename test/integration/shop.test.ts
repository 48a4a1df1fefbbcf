/** Shops, customers and payments through the API, by users of both homes: every answer is held against the document. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";

type Body = Record<string, unknown>;

let supabase: TestSupabase;
let api: ApiInstance;
let mongo: MongoClient;
beforeAll(async () => {
  supabase = await startTestSupabase();
  const uri = mongoUriFor(`switchyard_shop_${crypto.randomUUID().slice(0, 8)}`);
  mongo = new MongoClient(uri);
  await prepareHome(mongo.db());
  api = await startApi({ on: supabase, mongoUri: uri });
});
afterAll(async () => {
  await api?.close();
  if (mongo) await dropHome(mongo.db());
  await mongo?.close();
  await supabase?.stop();
});

const callerOf =
  (user: TestUser) =>
  async (method: string, path: string, body?: unknown, more: Record<string, string> = {}) => {
    const response = await api.app.request(path, {
      method,
      headers: { authorization: `Bearer ${user.jwt}`, "content-type": "application/json", ...more },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    await api.judge(method.toLowerCase(), path, response);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, headers: response.headers, text, value: isJson ? JSON.parse(text) : undefined };
  };

const newCaller = async (home: Home) => callerOf(await newUser({ home, on: supabase }));

describe("how the copy stands", () => {
  test("is told to admins, and changes with what is written", async () => {
    const admin = callerOf(await newUser({ home: "mongodb", on: supabase, appMetadata: { role: "admin" } }));
    const user = await newCaller("supabase");
    expect((await user("GET", "/api/admin/replication")).status).toBe(403);
    const asked = async () => (await admin("GET", "/api/admin/replication")).value;
    expect(await asked()).toMatchObject({ is_on: false, has_copy: true, pending: 0, conflicts: 0 });
    await supabase.sql("select public.switchyard_replication_switch(true)");
    await user("POST", "/api/customers", { name: "Mina" });
    const found = await asked();
    expect(found).toMatchObject({ is_on: true, pending: 1, dead: 0, lag_p50_ms: null });
    expect(found.oldest_ms).toEqual(expect.any(Number));
    expect(found.collections.map(({ collection, pending }: Body) => [collection, pending])).toEqual(
      expect.arrayContaining([
        ["customers", 1],
        ["payments", 0],
        ["shops", 0],
      ]),
    );
    await supabase.sql("select public.switchyard_replication_switch(false)");
  });
});

describe.each(["supabase", "mongodb"] as const)("at home in %s", (home) => {
  let call: ReturnType<typeof callerOf>;
  beforeAll(async () => {
    call = await newCaller(home);
  });
  const make = async (path: string, body: Body) => {
    const { status, value, text } = await call("POST", path, body);
    expect(status, text).toBe(201);
    return value as Body & { id: string };
  };
  const pay = (customer: string, amount: string, currency = "EUR", more: Body = {}) =>
    make(`/api/customers/${customer}/payments`, { amount, currency, date: "2026-03-14", ...more });

  test("of requests that would make a shop at once, one does", async () => {
    expect((await call("GET", "/api/shop")).status).toBe(404);
    const body = { name: "Corner shop", currency: "EUR" };
    const made = await Promise.all(Array.from({ length: 6 }, () => call("POST", "/api/shop", body)));
    expect(made.map(({ status, value }) => value.code ?? status).sort()).toEqual([201, ...Array(5).fill("duplicate")]);
    const first = made.find(({ status }) => status === 201);
    expect(first?.headers.get("location")).toBe("/api/shop");
    const read = await call("GET", "/api/shop");
    expect([read.status, read.value, read.headers.get("x-data-source")]).toEqual([200, first?.value, "primary"]);
    expect((await call("GET", "/api/shops")).value.items).toEqual([first?.value]);
    // another's is another one
    const other = await newCaller(home);
    expect((await other("GET", "/api/shop")).status).toBe(404);
    expect((await other("PATCH", "/api/shop", { name: "Mine" })).status).toBe(404);
    expect((await other("POST", "/api/shop", body)).status).toBe(201);
  });

  test("a shop is changed under its ETag, closed, and opened again", async () => {
    const own = await newCaller(home);
    const key = { "idempotency-key": "first" };
    const body = { name: "Corner shop", currency: "EUR" };
    const [made, again] = [await own("POST", "/api/shop", body, key), await own("POST", "/api/shop", body, key)];
    expect([again.status, again.value]).toEqual([201, made.value]);
    const etag = made.headers.get("etag") ?? "";
    const changed = await own("PATCH", "/api/shop", { note: "new" }, { "if-match": etag });
    expect([changed.status, changed.value.note]).toEqual([200, "new"]);
    expect((await own("PATCH", "/api/shop", { note: "late" }, { "if-match": etag })).status).toBe(412);
    const newer = changed.headers.get("etag") ?? "";
    expect((await own("GET", "/api/shop", undefined, { "if-none-match": newer })).status).toBe(304);
    expect((await own("DELETE", "/api/shop")).status).toBe(204);
    expect((await own("DELETE", "/api/shop")).status).toBe(404);
    expect((await own("POST", "/api/shop", body)).status).toBe(201);
  });

  test("a customer's contact and details are any JSON, with every digit", async () => {
    const contact = '{"addresses":[{"kind":"billing","geo":[12345678901234567.000000000000001]}],"main":null}';
    const made = await call("POST", "/api/customers", `{"name":"Mina","contact":${contact},"details":[1e400,-0.10]}`);
    expect(made.status, made.text).toBe(201);
    const read = await call("GET", `/api/customers/${made.value.id}`);
    for (const text of [made.text, read.text]) expect(text).toContain("12345678901234567.000000000000001");
    expect(read.value).toEqual({ ...made.value, balance: [] });
  });

  test("a customer's balance is the sum of the payments in each currency, computed when it is read", async () => {
    const [mina, noor, nobody] = [
      await make("/api/customers", { name: "Mina" }),
      await make("/api/customers", { name: "Noor" }),
      await make("/api/customers", { name: "Nobody" }),
    ];
    await pay(mina.id, "10.10");
    const back = await pay(mina.id, "-20.30");
    await pay(mina.id, "1500", "JPY");
    await pay(noor.id, "0.005", "KWD");
    const read = await call("GET", `/api/customers/${mina.id}`);
    expect(read.value.balance).toEqual([
      { currency: "EUR", amount: "-10.20" },
      { currency: "JPY", amount: "1500" },
    ]);
    // the balance has changed, the record has not
    expect((await call("DELETE", `/api/customers/${mina.id}/payments/${back.id}`)).status).toBe(204);
    const tag = { "if-none-match": read.headers.get("etag") ?? "" };
    const later = await call("GET", `/api/customers/${mina.id}`, undefined, tag);
    expect([later.status, later.value.balance[0]]).toEqual([200, { currency: "EUR", amount: "10.10" }]);
    const changed = await call(
      "PATCH",
      `/api/customers/${mina.id}`,
      { phone: "1" },
      { "if-match": tag["if-none-match"] },
    );
    expect(changed.status).toBe(200);
    const list = await call("GET", "/api/customers?sort=name&limit=200");
    const balances = Object.fromEntries(list.value.items.map((each: Body) => [each.id, each.balance]));
    expect([balances[noor.id], balances[nobody.id]]).toEqual([[{ currency: "KWD", amount: "0.005" }], []]);
    expect(balances[mina.id]).toEqual(later.value.balance);
  });

  test("a page of customers takes two calls however many there are, and an empty one takes one", async () => {
    const own = await newCaller(home);
    const calls = async () => {
      const { headers } = await own("GET", "/api/customers");
      return headers.get("server-timing")?.match(/supabase;/g)?.length;
    };
    expect(await calls()).toBe(1);
    const operations = Array.from({ length: 30 }, (_, n) => ({ op: "create", body: { name: `Customer ${n}` } }));
    expect((await own("POST", "/api/customers/batch", { operations })).status).toBe(200);
    expect(await calls()).toBe(2);
  });

  test("a balance is written by nobody", async () => {
    expect((await call("POST", "/api/customers", { name: "X", balance: [] })).status).toBe(422);
    const { id } = await make("/api/customers", { name: "X" });
    expect((await call("PATCH", `/api/customers/${id}`, { balance: [] })).status).toBe(422);
    expect((await call("GET", "/api/customers?balance=1")).status).toBe(400);
  });

  describe("payments of a customer", () => {
    let mina: string;
    let noor: string;
    beforeAll(async () => {
      mina = (await make("/api/customers", { name: "Mina" })).id;
      noor = (await make("/api/customers", { name: "Noor" })).id;
      for (const [n, amount] of ["1.00", "2.00", "4.00"].entries())
        await pay(mina, amount, "EUR", { reference: `INV-${n}`, date: `2026-0${n + 1}-01` });
      await pay(noor, "8.00");
    });
    const amounts = async (query = "") =>
      (await call("GET", `/api/customers/${mina}/payments${query}`)).value.items.map(({ amount }: Body) => amount);

    test("are listed, filtered, sorted, paged, counted, added up and exported like any records", async () => {
      expect(await amounts("?sort=-amount")).toEqual(["4.00", "2.00", "1.00"]);
      expect(await amounts("?amount[gt]=1&sort=date")).toEqual(["2.00", "4.00"]);
      expect(await amounts("?q=inv-2")).toEqual(["4.00"]);
      const first = await call("GET", `/api/customers/${mina}/payments?sort=date&limit=2`);
      const cursor = first.value.next_cursor as string;
      expect(await amounts(`?sort=date&limit=2&cursor=${cursor}`)).toEqual(["4.00"]);
      // a cursor is of its customer's list
      expect((await call("GET", `/api/customers/${noor}/payments?sort=date&limit=2&cursor=${cursor}`)).status).toBe(
        400,
      );
      expect((await call("GET", `/api/customers/${mina}/payments/count?date[gte]=2026-02-01`)).value).toEqual({
        count: 2,
      });
      const summary = await call("GET", `/api/customers/${mina}/payments/summary?by=month`);
      expect(summary.value.items.map(({ key, sum }: Body) => [key, sum])).toEqual([
        ["2026-01", "1.00"],
        ["2026-02", "2.00"],
        ["2026-03", "4.00"],
      ]);
      const csv = await call("GET", `/api/customers/${mina}/payments/export.csv?sort=date`);
      expect(csv.text.trim().split("\r\n")).toHaveLength(4);
      // of all customers
      expect((await call("GET", `/api/payments/count?customer_id=${mina}`)).value).toEqual({ count: 3 });
    });

    test("of another customer are not found there, and are left as they are", async () => {
      const { id } = await pay(noor, "16.00");
      const path = `/api/customers/${mina}/payments/${id}`;
      const before = (await call("GET", `/api/payments/${id}`)).value;
      for (const [method, body] of [
        ["GET", undefined],
        ["PATCH", { amount: "1.00" }],
        ["DELETE", undefined],
      ] as const)
        for (const tag of [{}, { "if-match": `"${before.version}"` }])
          expect([method, (await call(method, path, body, tag)).status]).toEqual([method, 404]);
      expect((await call("GET", `/api/payments/${id}`)).value).toEqual(before);
      expect((await call("GET", `/api/customers/${noor}/payments/${id}`)).value).toEqual(before);
    });

    test("are changed and deleted there, under their ETag or without", async () => {
      const made = await pay(mina, "32.00", "EUR", { date: "2026-09-01" });
      const path = `/api/customers/${mina}/payments/${made.id}`;
      const changed = await call("PATCH", path, { note: "cash" }, { "if-match": `"${made.version}"` });
      expect([changed.status, changed.value]).toMatchObject([200, { note: "cash", customer_id: mina }]);
      expect((await call("PATCH", path, { note: "late" }, { "if-match": `"${made.version}"` })).status).toBe(412);
      // none undoes another, and all are done
      const notes = await Promise.all(["a", "b", "c"].map((reference) => call("PATCH", path, { reference })));
      expect(notes.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await call("DELETE", path)).status).toBe(204);
      expect((await call("GET", path)).status).toBe(404);
    });

    test("stay with their customer, who stands in the address alone", async () => {
      const { id } = await pay(mina, "64.00");
      const body = { amount: "1.00", currency: "EUR", date: "2026-03-14", customer_id: noor };
      expect((await call("POST", `/api/customers/${mina}/payments`, body)).status).toBe(422);
      expect((await call("PATCH", `/api/customers/${mina}/payments/${id}`, { customer_id: noor })).status).toBe(422);
      expect((await call("GET", `/api/customers/${mina}/payments?customer_id=${noor}`)).status).toBe(400);
      expect((await call("DELETE", `/api/customers/${mina}/payments/${id}`)).status).toBe(204);
    });

    test("are nowhere where the customer is not: gone, another user's, or none", async () => {
      const gone = await make("/api/customers", { name: "Gone" });
      expect((await call("DELETE", `/api/customers/${gone.id}`)).status).toBe(204);
      const other = await newCaller(home);
      const theirs = (await other("POST", "/api/customers", { name: "Theirs" })).value.id;
      const body = { amount: "1.00", currency: "EUR", date: "2026-03-14" };
      for (const id of [gone.id, theirs, crypto.randomUUID()]) {
        for (const path of ["", "/count", "/summary", "/export.csv"])
          expect((await call("GET", `/api/customers/${id}/payments${path}`)).status).toBe(404);
        expect((await call("POST", `/api/customers/${id}/payments`, body)).status).toBe(404);
      }
      // one without payments is there
      const alone = await make("/api/customers", { name: "Alone" });
      expect((await call("GET", `/api/customers/${alone.id}/payments`)).value).toEqual({
        items: [],
        next_cursor: null,
      });
    });

    test("with an idempotency key are made once for each customer", async () => {
      const body = { amount: "128.00", currency: "EUR", date: "2026-03-14" };
      const key = { "idempotency-key": "same" };
      const send = (customer: string) => call("POST", `/api/customers/${customer}/payments`, body, key);
      const [one, two, other] = [await send(mina), await send(mina), await send(noor)];
      expect([one.status, two.value]).toEqual([201, one.value]);
      expect(one.headers.get("location")).toBe(`/api/customers/${mina}/payments/${one.value.id}`);
      expect([other.status, other.value.customer_id]).toEqual([201, noor]);
    });

    test("keep their customer from being deleted, and go with one that is merged", async () => {
      const [from, into] = [await make("/api/customers", { name: "A" }), await make("/api/customers", { name: "B" })];
      await pay(from.id, "3.00");
      expect((await call("DELETE", `/api/customers/${from.id}`)).status).toBe(409);
      const merged = await call("POST", `/api/customers/${from.id}/merge`, { into: into.id });
      expect([merged.status, merged.value.moved]).toMatchObject([200, { payments: 1 }]);
      expect((await call("GET", `/api/customers/${into.id}`)).value.balance).toEqual([
        { currency: "EUR", amount: "3.00" },
      ]);
    });
  });
});
