/** Fields of JSON through the API: what is sent is what is answered, digit by digit, and nothing else is read otherwise. */
import { hc } from "hono/client";
import { ok } from "neverthrow";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { collectionRoutes } from "../../api/_routes/collection.ts";
import type { Router } from "../../shared/placement/router.ts";
import { parseJson } from "../../shared/values/json.ts";
import type { ExactNumber } from "../../shared/values/json-numbers.ts";
import { HARD_KEYS, NUMBERS, nested, TOO_MUCH } from "../setup/json-values.ts";
import type { parcels } from "../setup/parcels.ts";
import { memoryApi, token } from "./api-memory.ts";

vi.mock("../../shared/collections/index.ts", async (original) => {
  const [index, { parcels }] = [
    await original<Record<"filedCollections" | "allCollections", unknown[]>>(),
    await import("../setup/parcels.ts"),
  ];
  const filedCollections = [...index.filedCollections, parcels];
  return { ...index, filedCollections, allCollections: [...index.allCollections, parcels] };
});

const authorization = `Bearer ${await token({ amr: [{ method: "password", timestamp: Math.floor(Date.now() / 1_000) }] })}`;
const router = {
  getAccount: async () => ok({}),
  getAssignment: async () => ok({}),
  control: async (_: string, name: string) => ok(name === "switchyard_account_export" ? {} : []),
} as unknown as Partial<Router>;
let { app } = memoryApi({ router });
beforeEach(() => {
  ({ app } = memoryApi({ router }));
});

async function send(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const init = { method, headers: { authorization, "content-type": "application/json", ...headers } };
  const response = await app.request(`/api/${path}`, { ...init, ...(body !== undefined && { body }) });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  const value: any = text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : undefined;
  return { status: response.status, text, value };
}
const post = (content: string, headers = {}, more = "") =>
  send("POST", "parcels", `{"name":"x","content":${content}${more}}`, headers);
/** The field as the answer spells it. */
const shown = (text: string, field = "content") => {
  const record = parseJson(text) as Record<string, never>;
  return JSON.stringify(record[field]);
};
const codes = ({ status, value }: Awaited<ReturnType<typeof send>>) => [
  status,
  ...value.errors.map(({ field, code }: Record<string, string>) => `${field} ${code}`),
];

describe("numbers", () => {
  const text = `[${NUMBERS.join(", ")}]`;
  const exact = JSON.stringify(parseJson(text));

  test("are answered as they were sent, by every route", async () => {
    const { status, text: made, value } = await post(text);
    expect([status, shown(made)]).toEqual([201, exact]);
    expect(shown((await send("GET", `parcels/${value.id}`)).text)).toBe(exact);
    expect((await send("GET", "parcels")).text).toContain(`"content":${exact}`);
    const changed = await send("PATCH", `parcels/${value.id}`, `{"details":{"n":1E150},"labels":1.10}`);
    expect([shown(changed.text, "details"), shown(changed.text, "labels")]).toEqual(['{"n":1e+150}', "1.1"]);
    const batch = `{"operations":[{"op":"create","body":{"name":"y","content":${text}}},
      {"op":"update","id":"${value.id}","body":{"content":12345678901234567890}},{"op":"create","body":5}]}`;
    const refused = await send("POST", "parcels/batch", batch);
    expect([refused.status, refused.value.errors[0].field]).toEqual([422, "operations.2.body"]);
    const done = await send("POST", "parcels/batch", batch.replace(',{"op":"create","body":5}', ""));
    expect(done.value.results.map((each: { status: number }) => each.status)).toEqual([201, 200]);
    expect(done.text).toContain(`"content":${exact}`);
    expect(done.text).toContain('"content":12345678901234567890');
    expect((await send("GET", "me/export")).text).toContain('"content":12345678901234567890');
  });

  test("of other fields are read as they always were", async () => {
    expect(codes(await send("POST", "parcels", '{"name":12345678901234567890,"content":1}'))).toEqual([
      422,
      "name invalid_type",
    ]);
    const weight = (number: string) => post("1", {}, `,"weight":${number}`);
    expect((await weight("1.0")).value.weight).toBe(1);
    for (const number of ["12345678901234567890", "9007199254740993", "1e400", "0.1234567890123456789"]) {
      const { status, value } = await weight(number);
      expect([status, value.errors[0].field, value.errors[0].message]).toEqual([
        422,
        "weight",
        expect.not.stringContaining("object"),
      ]);
    }
    const expense = await send(
      "POST",
      "expenses",
      '{"amount":12345678901234567890,"currency":"EUR","date":"2026-01-31"}',
    );
    expect(expense.value.errors[0].message).toContain("amount must be text, not a number");
  });

  test.each(TOO_MUCH)("%s is refused by name", async (number) => {
    expect(codes(await post(`{"a":[${number}]}`))).toEqual([422, "content inexact_number"]);
  });
});

describe("bodies", () => {
  test("keep keys of every kind, in one order, and of two alike the last", async () => {
    const members = HARD_KEYS.map((key) => `${JSON.stringify(key)}:{"${"constructor"}":1}`);
    const [one, other] = [await post(`{${members.join()}}`), await post(`{${members.reverse().join()}}`)];
    expect(Object.keys(one.value.content).sort()).toEqual([...HARD_KEYS].sort());
    expect(shown(one.text)).toBe(shown(other.text));
    expect(shown((await post('{"a":1,"a":2.50}')).text)).toBe('{"a":2.5}');
    expect(({} as { constructor: unknown }).constructor).toBe(Object);
  });

  test.each([
    ["a level too many", nested(50), [422, "content too_deep"]],
    ["100,000 levels", nested(100_000), [422, " too_deep"]],
    ["100,000 levels without an end", "[".repeat(100_000), [422, " too_deep"]],
    ["a byte too many", `"${"x".repeat(65_535)}"`, [422, "content too_large"]],
    ["NUL", '"\\u0000"', [422, "content invalid_text"]],
    ["half a character", '{"\\ud800":1}', [422, "content invalid_text"]],
    ["null", "null", [422, "content invalid_type"]],
  ])("%s is refused", async (_, content, expected) => expect(codes(await post(content))).toEqual(expected));

  test("that are no JSON are told where", async () => {
    const answer = await post('{"a":1,}');
    expect([answer.status, answer.value.code, answer.value.detail]).toEqual([
      400,
      "malformed",
      expect.stringContaining("line 1, column 30"),
    ]);
  });

  test("of a batch stand by themselves: one that is too deep for its field undoes no other", async () => {
    const operation = (content: string) =>
      `{"op":"create","idempotency_key":"k${content.length}","body":{"name":"x","content":${content}}}`;
    const answer = await send(
      "POST",
      "parcels/batch",
      `{"operations":[${operation(nested(60))},${operation("1e400")}]}`,
    );
    expect(answer.value.results.map((each: { status: number }) => each.status)).toEqual([422, 201]);
    expect(answer.text).toContain('"content":1e+400');
    expect(codes(await send("POST", "parcels/batch", `{"operations":[${operation(nested(5_000))}]}`))).toEqual([
      422,
      " too_deep",
    ]);
  });
});

describe("an Idempotency-Key", () => {
  const repeated = async (first: string, second: string) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    expect((await post(first, headers)).status).toBe(201);
    return (await post(second, headers)).status;
  };

  test.each([
    ['{"a":{"x":1,"y":2},"b":[]}', '{"b":[],"a":{"y":2.0,"x":1e0}}'],
    ["[12345678901234567890]", "[12345678901234567890.0]"],
    ["1e400", "10E+399"],
  ])("%s is %s", async (first, second) => expect(await repeated(first, second)).toBe(201));

  test.each([
    ["[12345678901234567890]", "[12345678901234567891]"],
    ["0.1234567890123456789", "0.1234567890123456788"],
    ["12345678901234567890", '{"rawJSON":"12345678901234567890"}'],
    ["1", '"1"'],
    ["[1,2]", "[2,1]"],
  ])("%s is not %s", async (first, second) => expect(await repeated(first, second)).toBe(409));

  test("is the same in a batch", async () => {
    const key = crypto.randomUUID();
    const create = async (content: string) =>
      (
        await send(
          "POST",
          "parcels/batch",
          `{"operations":[{"op":"create","idempotency_key":"${key}","body":{"name":"x","content":${content}}}]}`,
        )
      ).value.results[0].status;
    expect(await create('{"a":12345678901234567890,"b":1}')).toBe(201);
    expect(await create('{"b":1.0,"a":12345678901234567890.0}')).toBe(201);
    expect(await create('{"a":12345678901234567891,"b":1}')).toBe(409);
  });
});

describe("CSV", () => {
  const load = (text: string, query = "?commit=1") =>
    send("POST", `parcels/import.csv${query}`, text, { "content-type": "text/csv" });
  const values = [`[${NUMBERS.join()}]`, '"text"', '""', '"=1+1;=2"', "-5", "true", '{"a":";=1\\n-2","$set":"\'="}'];

  test("takes away and brings back any value", async () => {
    for (const content of values) await post(content, {}, `,"details":""`);
    const before = await send("GET", "parcels");
    const file = (await send("GET", "parcels/export.csv")).text;
    expect(file).toContain('"""text"""');
    expect(file).toContain("12345678901234567890");
    expect((await load(file)).value.counts).toMatchObject({ unchanged: values.length, created: 0, invalid: 0 });
    ({ app } = memoryApi({ router }));
    expect((await load(file)).value.counts).toMatchObject({ created: values.length });
    const contents = (text: string) =>
      (parseJson(text) as { items: Record<string, never>[] }).items.map(({ content, details, labels }) =>
        JSON.stringify([content, details, labels]),
      );
    expect(contents((await send("GET", "parcels")).text)).toEqual(contents(before.text));
  });

  test("says what is no JSON, and takes no text for one", async () => {
    const { value } = await load(
      `name,content,details\na,{bad,\nb,hello,\nc,"${nested(60)}",\nd,1,null\ne,,\nf,1e999999,\n`,
      "",
    );
    expect(value.outcomes.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      ...["invalid", "invalid", "invalid", "created", "invalid", "invalid"],
    ]);
    expect(value.outcomes.map(({ errors }: { errors: { message: string }[] }) => errors[0]?.message)).toEqual([
      expect.stringContaining("Write JSON"),
      expect.stringContaining("Write JSON"),
      expect.stringContaining("49 levels"),
      undefined,
      "content is missing.",
      expect.stringContaining("34 digits"),
    ]);
  });

  test("makes no second record of a row that spells the same otherwise", async () => {
    expect((await load('name,content\na,"{""x"":1,""y"":2}"\n')).value.counts).toMatchObject({ created: 1 });
    expect((await load('name,content\na,"{""y"":2.0, ""x"":1}"\n')).value.counts).toMatchObject({ unchanged: 1 });
    expect((await load('name,content\na,"{""y"":2.0, ""x"":1.00000000000000000001}"\n')).value.counts).toMatchObject({
      created: 1,
    });
  });
});

test("the document knows the field, and offers neither filters nor groups of it", async () => {
  const { value } = await send("GET", "openapi.json");
  expect(value.components.schemas.ParcelCreate.properties.content).toMatchObject({
    type: ["object", "array", "string", "number", "boolean"],
  });
  expect(value.components.schemas.ParcelCreate.required).toEqual(["name", "content"]);
  const names = (path: string) => value.paths[path].get.parameters.map(({ name }: { name: string }) => name);
  expect(names("/api/parcels")).toContain("details[null]");
  expect(names("/api/parcels").filter((name: string) => /^(content|labels)/.test(name))).toEqual([]);
  const by = value.paths["/api/parcels/summary"].get.parameters.find(({ name }: { name: string }) => name === "by");
  expect(by.schema.enum).not.toContain("content");
});

test("the typed client sends numbers as they are, and knows the field", async () => {
  type Routes = ReturnType<typeof collectionRoutes<(typeof parcels)["fields"]>>;
  const sent: string[] = [];
  const client = hc<Routes>("https://app.example", {
    fetch: async (_: unknown, init?: RequestInit) => {
      sent.push(String(init?.body));
      return Response.json({ content: { a: [1] } }, { status: 201 });
    },
  });
  const large: ExactNumber = parseJson("12345678901234567890") as ExactNumber;
  const answer = await client.index.$post({ json: { name: "x", content: { a: [large, null, "b"] } }, header: {} });
  expect(sent).toEqual(['{"name":"x","content":{"a":[12345678901234567890,null,"b"]}}']);
  if (answer.status !== 201) throw new Error("expected 201");
  const { content, weight } = await answer.json();
  const known: number | null = weight;
  expect([content, known]).toEqual([{ a: [1] }, undefined]);
  // @ts-expect-error null is no value of a field that has to be there
  const wrong = () => client.index.$post({ json: { name: "x", content: null }, header: {} });
  expect(wrong).toBeTypeOf("function");
});
