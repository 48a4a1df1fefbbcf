/** Fields of JSON out of one home and into the other and back, and over Supabase's REST with a user's own token. */
import fc from "fast-check";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { jsonText, parseJson } from "../../shared/values/json.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { tablesBySql } from "../contract/postgres-tables.ts";
import { partOf } from "../setup/effort.ts";
import { HARD_KEYS, jsonValues, NUMBERS, nested, TOO_MUCH } from "../setup/json-values.ts";
import { parcels } from "../setup/parcels.ts";
import { MONGODB } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";

vi.mock("../../shared/collections/index.ts", async (original) => {
  const [index, { parcels }] = [
    await original<Record<"filedCollections" | "allCollections", unknown[]>>(),
    await import("../setup/parcels.ts"),
  ];
  const filedCollections = [...index.filedCollections, parcels];
  return { ...index, filedCollections, allCollections: [...index.allCollections, parcels] };
});

let supabase: TestSupabase;
let tables: ReturnType<typeof tablesBySql>;
let api: ApiInstance;
let mongo: MongoClient;
let users: Record<Home, TestUser>;
beforeAll(async () => {
  supabase = await startTestSupabase();
  tables = tablesBySql(supabase.sql);
  await tables.keep(parcels as unknown as Collection);
  const uri = mongoUriFor(`switchyard_json_${crypto.randomUUID().slice(0, 8)}`);
  mongo = new MongoClient(uri);
  await prepareMongo(mongo.db(), allCollections, MONGODB);
  api = await startApi({ on: supabase, mongoUri: uri });
  users = {
    supabase: await newUser({ home: "supabase", on: supabase }),
    mongodb: await newUser({ home: "mongodb", on: supabase }),
  };
});
afterAll(async () => {
  await api?.close();
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await tables?.dropAll();
  await supabase?.stop();
});

async function send(home: Home, method: string, path: string, body?: string) {
  const response = await api.app.request(`/api/parcels${path}`, {
    method,
    headers: { authorization: `Bearer ${users[home].jwt}`, "content-type": "application/json" },
    ...(body !== undefined && { body }),
  });
  await api.judge(method.toLowerCase(), `/api/parcels${path}`, response);
  const text = await response.text();
  return { status: response.status, text, timing: response.headers.get("server-timing") };
}

type Parcel = Record<"id" | "content" | "labels", never>;

/** What the record's field holds in that home, as text: made there, changed there, and read again. */
async function kept(home: Home, content: string): Promise<string> {
  const made = await send(home, "POST", "", `{"name":"x","content":1,"labels":${content}}`);
  expect(made.status, made.text).toBe(201);
  expect(made.timing).toContain(home);
  const { id, labels } = parseJson(made.text) as Parcel;
  const changed = await send(home, "PATCH", `/${id}`, `{"content":${content}}`);
  expect(changed.status, changed.text).toBe(200);
  const read = parseJson((await send(home, "GET", `/${id}`)).text) as Parcel;
  const texts = [labels, (parseJson(changed.text) as Parcel).content, read.content, read.labels].map(jsonText);
  expect(new Set(texts).size, texts.join(" ")).toBe(1);
  return texts[0] ?? "";
}

const awkward = [
  `[${NUMBERS.join()}]`,
  `{${HARD_KEYS.map((key) => `${JSON.stringify(key)}:{${JSON.stringify(key)}:[${JSON.stringify(key)}]}`).join()}}`,
  nested(49),
  '{"$ref":"a.b","$id":1,"$db":"x"}',
  '[{"_bsontype":"ObjectId"},{"$numberDecimal":"1"},{"$date":0},{"$oid":"x"}]',
  '"$name"',
];

describe.each<[Home, Home]>([
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
])("from %s to %s and back", (first, second) => {
  const unchanged = async (content: string) => {
    const made = await kept(first, content);
    expect(made).toBe(jsonText(parseJson(content)));
    const copied = await kept(second, made);
    expect([copied, await kept(first, copied)]).toEqual([made, made]);
  };

  test.each(awkward)("%s", unchanged);
  test("anything", () =>
    fc.assert(
      fc.asyncProperty(jsonValues, (value) => unchanged(JSON.stringify(value))),
      { numRuns: partOf(20, 5) },
    ));

  test.each([...TOO_MUCH, nested(50), `"${"x".repeat(65_535)}"`, '{"a":"\\u0000"}', "null"])(
    "%# is refused by both in the same words",
    async (content) => {
      const said = async (home: Home) => {
        const { status, text } = await send(home, "POST", "", `{"name":"x","content":${content}}`);
        return [status, JSON.parse(text).errors];
      };
      const [one, other] = [await said(first), await said(second)];
      expect(one).toEqual([422, [expect.objectContaining({ field: "content" })]]);
      expect(other).toEqual(one);
    },
  );
});

test("MongoDB has numbers where there are numbers, and names that can be read", async () => {
  const { text } = await send(
    "mongodb",
    "POST",
    "",
    '{"name":"x","content":{"i":5,"l":9007199254740993,"d":0.5,"e":1e20,"t":"5","h":1e400,"$a.b":null}}',
  );
  const { id } = JSON.parse(text);
  const types = await mongo
    .db()
    .collection("parcels")
    .aggregate([
      { $match: { name: "x", "content.i": 5, "content.l": { $gt: 9007199254740992 } } },
      { $project: { id: "$_id.id", fields: { $objectToArray: "$content" } } },
      { $project: { id: 1, types: { $map: { input: "$fields", in: ["$$this.k", { $type: "$$this.v" }] } } } },
    ])
    .toArray();
  expect(types.find((found) => found.id.toString() === id)?.types).toEqual([
    ["%24a%2Eb", "null"],
    ["d", "double"],
    ["e", "double"],
    ["h", "decimal"],
    ["i", "int"],
    ["l", "long"],
    ["t", "string"],
  ]);
});

describe("over Supabase's REST", () => {
  const client = () =>
    userClient({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }, users.supabase.jwt);
  const row = (more: object) => ({
    user_id: users.supabase.id,
    id: crypto.randomUUID(),
    name: "x",
    content: {},
    ...more,
  });

  const levels = (count: number) => JSON.parse(`${'{"a":'.repeat(count - 1)}{}${"}".repeat(count - 1)}`);
  /** Of so many bytes, as Postgres writes it. */
  const bytes = (count: number) => ({ a: "x".repeat(count - '{"a": ""}'.length) });

  test.each<[string, string, object]>([
    ["a level too many", "parcels_content_check", { content: levels(50) }],
    ["a byte too many", "parcels_content_check", { content: bytes(65_537) }],
    ["a byte too many for the field", "parcels_details_check", { details: bytes(201) }],
    ["nothing where there has to be something", "null value", { content: null }],
  ])("%s is refused, inserted and updated", async (_, reason, fault) => {
    const fine = row({});
    expect((await client().from("parcels").insert(fine)).error).toBeNull();
    expect((await client().from("parcels").insert(row(fault))).error?.message).toContain(reason);
    expect((await client().from("parcels").update(fault).eq("id", fine.id)).error?.message).toContain(reason);
    const { text } = await send("supabase", "GET", `/${fine.id}`);
    expect(JSON.parse(text)).toMatchObject({ content: {}, details: null });
  });

  /** As text, which no client makes doubles of. */
  const create = (content: string) => {
    const { id, user_id } = row({});
    const record = `{"id":"${id}","user_id":"${user_id}","name":"x","labels":{},"content":${content}}`;
    const parameters = { p_collection: "parcels", p_record: record, p_columns: '["id","content"]' };
    return client()
      .rpc("records_create", parameters)
      .then(({ data, error }) => ({ id, data, error }));
  };

  test.each(TOO_MUCH)("%s is refused", async (number) => {
    const { id, data, error } = await create(`{"a":[${number}]}`);
    // of the last, Postgres says that it is no number
    expect(error?.code ?? data.error).toBe(number.length > 12 && number.startsWith("1e9") ? "22003" : "23514");
    expect((await send("supabase", "GET", `/${id}`)).status).toBe(404);
  });

  test("what the API takes may be written, in any spelling, and is read in the API's", async () => {
    const content = `{"b":[1.50,-0,1E2,${NUMBERS.join()}],"a":${nested(48)}}`;
    const { id, data, error } = await create(content);
    expect([error, data.error]).toEqual([null, undefined]);
    const { content: read } = parseJson((await send("supabase", "GET", `/${id}`)).text) as Parcel;
    expect(jsonText(read)).toBe(jsonText(parseJson(content)));
    const most = row({ content: bytes(65_536), details: bytes(200), labels: levels(49) });
    expect((await client().from("parcels").insert(most)).error).toBeNull();
    expect(JSON.parse((await send("supabase", "GET", `/${most.id}`)).text)).toMatchObject(most);
  });
});
