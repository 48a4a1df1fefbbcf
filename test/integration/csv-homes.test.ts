/** CSV out of one home and into the other: the same records, and nothing twice. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser, type TestUser } from "../setup/users.ts";

type Body = Record<string, unknown>;
type Home = "supabase" | "mongodb";

let supabase: TestSupabase;
let api: ApiInstance;
let mongo: MongoClient;
beforeAll(async () => {
  supabase = await startTestSupabase();
  const uri = mongoUriFor("switchyard_csv");
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
  ({ jwt }: TestUser) =>
  async (method: string, path: string, body?: string, type = "application/json") => {
    const response = await api.app.request(`/api/${path}`, {
      method,
      headers: { authorization: `Bearer ${jwt}`, "content-type": type },
      ...(body !== undefined && { body }),
    });
    await api.judge(method.toLowerCase(), `/api/${path}`, response);
    const text = await response.text();
    // biome-ignore lint/suspicious/noExplicitAny: any JSON
    const value: any = text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
    return { status: response.status, text, value, headers: response.headers };
  };
type Call = ReturnType<typeof callerOf>;

const post = async (call: Call, collection: string, body: Body) => {
  const { status, value, text } = await call("POST", collection, JSON.stringify(body));
  expect(status, text).toBe(201);
  return value;
};
const load = (call: Call, collection: string, text: string, query = "?commit=1") =>
  call("POST", `${collection}/import.csv${query}`, text, "text/csv");
const contents = async (call: Call, collection: string) =>
  ((await call("GET", `${collection}?limit=200&sort=-amount`)).value.items as Body[]).map(
    ({ user_id: _, version: __, created_at: ___, updated_at: ____, ...rest }) => rest,
  );

describe.each([
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
] as [Home, Home][])("from %s to %s", (from, to) => {
  test("records come as they were, with what they refer to, once", async () => {
    const [here, there] = [
      callerOf(await newUser({ home: from, on: supabase })),
      callerOf(await newUser({ home: to, on: supabase })),
    ];
    const category = await post(here, "categories", { name: '=Food, "drink"', kind: "expense" });
    for (const [i, description] of ["=1+1", "a;=1", "two\r\nlines", null, "'-x"].entries())
      await post(here, "expenses", {
        amount: `${i + 1}.1`,
        currency: "EUR",
        date: "2026-01-31",
        category_id: i % 2 === 0 ? category.id : null,
        description,
        tags: i === 0 ? [] : ["a,b", "=c"],
      });
    const files = {
      categories: (await here("GET", "categories/export.csv?bom=1")).text,
      expenses: (await here("GET", "expenses/export.csv")).text,
    };
    expect(files.expenses).toContain('"\'=Food, ""drink"""');

    // without its category nothing goes in
    const early = await load(there, "expenses", files.expenses);
    expect([early.status, early.value.errors.length]).toEqual([422, 3]);
    expect(await contents(there, "expenses")).toEqual([]);

    expect((await load(there, "categories", files.categories)).value.counts.created).toBe(1);
    expect((await load(there, "expenses", files.expenses, "")).value).toMatchObject({
      committed: false,
      counts: { created: 5 },
    });
    expect(await contents(there, "expenses")).toEqual([]);
    const { value, headers } = await load(there, "expenses", files.expenses);
    expect(value.counts).toEqual({ created: 5, updated: 0, unchanged: 0, conflict: 0, invalid: 0 });
    expect(headers.get("server-timing")?.split(",")).toHaveLength(1);
    expect(await contents(there, "expenses")).toEqual(await contents(here, "expenses"));

    // two at once, and both find everything there
    const again = await Promise.all([1, 2].map(() => load(there, "expenses", files.expenses)));
    for (const { value: repeated } of again) expect(repeated.counts.unchanged).toBe(5);
  });
});

describe.each(["supabase", "mongodb"] as const)("at home in %s", (home) => {
  test("a file without ids, sent twice at once, makes each record once", async () => {
    const call = callerOf(await newUser({ home, on: supabase }));
    const category = await post(call, "categories", { name: "Café", kind: "expense" });
    const text =
      "amount;currency;date;category_id.name\n1;EUR;2026-01-31;Café\n1;EUR;2026-01-31;Café\n2.5;USD;2026-02-28;\n";
    const answers = await Promise.all([1, 2].map(() => load(call, "expenses", text)));
    for (const { status, value } of answers) {
      expect(status).toBe(200);
      expect(value.counts.invalid).toBe(0);
    }
    const found = await contents(call, "expenses");
    expect(found.map(({ amount, category_id }) => [amount, category_id])).toEqual([
      ["2.50", null],
      ["1.00", category.id],
      ["1.00", category.id],
    ]);
    const changed = await load(call, "expenses", `id,amount\n${found[0]?.id},3\n`, "?commit=1&on_conflict=update");
    expect(changed.value.counts.updated).toBe(1);
    expect((await contents(call, "expenses"))[0]?.amount).toBe("3.00");
  });
});
