/** The typed client: what it sends, and (by type checking this file) what it knows of the answers. */
import { readFile } from "node:fs/promises";
import { createClient } from "@supabase/supabase-js";
import { expect, test } from "vitest";
import { createSwitchyardClient } from "../../client/index.ts";

const recorder = (status: number, body: unknown) => {
  const sent: Request[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    sent.push(new Request(input, init));
    return Response.json(body, { status });
  };
  return { sent, fetch };
};

const session = (token: string) => ({
  auth: { getSession: async () => ({ data: { session: { access_token: token } } }) },
});

test("sends the token that supabase-js has, and knows the record's fields", async () => {
  const { sent, fetch } = recorder(201, { amount: "12.50", tags: ["food"] });
  const api = createSwitchyardClient({ url: "https://app.example/", supabase: session("a.b.c"), fetch });
  const answer = await api.expenses.$post({
    json: { amount: "12.5", currency: "EUR", date: "2026-03-14" },
    header: {},
  });
  expect(sent[0]?.url).toBe("https://app.example/api/expenses");
  expect(sent[0]?.headers.get("authorization")).toBe("Bearer a.b.c");
  expect(await sent[0]?.json()).toEqual({ amount: "12.5", currency: "EUR", date: "2026-03-14" });
  if (answer.status !== 201) throw new Error("expected 201");
  const { amount, tags }: { amount: string; tags: string[] } = await answer.json();
  expect([amount, tags]).toEqual(["12.50", ["food"]]);
});

test("sends If-Match and null, and knows problems by their status", async () => {
  const { sent, fetch } = recorder(412, { code: "version_mismatch" });
  const api = createSwitchyardClient({ url: "https://app.example", getToken: () => null, fetch });
  const answer = await api.loans[":id"].$patch({
    param: { id: "x" },
    json: { due_on: null },
    header: { "if-match": '"7"' },
  });
  expect(sent[0]?.headers.get("if-match")).toBe('"7"');
  expect(sent[0]?.headers.has("authorization")).toBe(false);
  if (answer.status !== 412) throw new Error("expected 412");
  expect((await answer.json()).code).toBe("version_mismatch");
});

test("knows a shop, what customers owe, and the payments of one", async () => {
  const { sent, fetch } = recorder(200, { items: [{ balance: [{ currency: "EUR", amount: "1.00" }] }] });
  const api = createSwitchyardClient({ url: "https://app.example", getToken: () => null, fetch });
  await api.shop.$post({ json: { name: "Corner shop", currency: "EUR" }, header: {} });
  await api.customers[":id"].payments.$post({
    param: { id: "x" },
    json: { amount: "1", currency: "EUR", date: "2026-03-14" },
    header: {},
  });
  await api.customers[":id"].payments[":paymentId"].$delete({ param: { id: "x", paymentId: "y" }, header: {} });
  const answer = await api.customers.$get({ query: { sort: "name" } });
  expect(sent.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
    "POST /api/shop",
    "POST /api/customers/x/payments",
    "DELETE /api/customers/x/payments/y",
    "GET /api/customers",
  ]);
  if (answer.status !== 200) throw new Error("expected 200");
  const [first] = (await answer.json()).items;
  const amount: string | undefined = first?.balance[0]?.amount;
  expect(amount).toBe("1.00");
});

test("knows rooms: what is sent, and what comes back", async () => {
  const sent: string[] = [];
  const answered = { items: [{ id: "x", content: null, author: { user_id: "y", name: "Ann", image_url: null } }] };
  const api = createSwitchyardClient({
    url: "https://app.example",
    getToken: () => null,
    fetch: async (input, init) => {
      sent.push(`${init?.method} ${new URL(String(input)).pathname}`);
      return Response.json(answered);
    },
  });
  const messages = api.rooms[":id"].messages;
  await messages.$post({ param: { id: "r" }, json: { content: "hi" }, header: {} });
  await messages[":messageId"].$patch({ param: { id: "r", messageId: "m" }, json: { content: "ho" }, header: {} });
  await api.conversations.$post({ json: { user_ids: ["u"] }, header: {} });
  await api.servers[":id"].channels.$get({ param: { id: "s" }, query: {} });
  await api.profile.$put({ json: { name: "Ann" } });
  const answer = await messages.$get({ param: { id: "r" }, query: { limit: "2" } });
  expect(sent).toEqual([
    "POST /api/rooms/r/messages",
    "PATCH /api/rooms/r/messages/m",
    "POST /api/conversations",
    "GET /api/servers/s/channels",
    "PUT /api/profile",
    "GET /api/rooms/r/messages",
  ]);
  if (answer.status !== 200) throw new Error("expected 200");
  const author: string | undefined = (await answer.json()).items[0]?.author?.name;
  expect(author).toBe("Ann");
});

test("refuses wrong bodies at compile time", () => {
  const api = createSwitchyardClient({ url: "https://app.example", getToken: () => null });
  // @ts-expect-error an amount is a string, so that no digit is lost
  const wrong = () => api.expenses.$post({ json: { amount: 12.5, currency: "EUR", date: "2026-03-14" }, header: {} });
  expect(wrong).toBeTypeOf("function");
});

/** The README's, so that the compiler reads it. */
async function readmeExample(supabaseUrl: string, supabaseKey: string) {
  const supabase = createClient(supabaseUrl, supabaseKey);
  const api = createSwitchyardClient({ url: "https://your-app.vercel.app", supabase });
  const answer = await api.expenses.$post({
    json: { amount: "12.50", currency: "EUR", date: "2026-03-14" },
    // one key for one expense: the client sends it again when the answer is 503 or 429, and there is still one expense
    header: { "idempotency-key": crypto.randomUUID() },
  });
  if (answer.status === 201) console.log((await answer.json()).id);
}

test("the README's example is the one above", async () => {
  const readme = await readFile("README.md", "utf8");
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf("## The API"))) ?? [];
  const lines = (text: string) => text.split("\n").map((line) => line.trim());
  const code = lines(example).filter((line) => line && !line.startsWith("import "));
  expect(code.length).toBeGreaterThan(5);
  expect(readmeExample).toBeTypeOf("function");
  expect(lines(await readFile(import.meta.filename, "utf8")).join("\n")).toContain(code.join("\n"));
});
