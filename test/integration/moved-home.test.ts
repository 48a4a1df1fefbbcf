/** Tokens that are older than what they say of their user's home, homes that are on their way, and homes that are none. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
import { value } from "../contract/store.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { mongoRepositories, SITES } from "../setup/repositories.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { mintToken, newUser, type TestUser } from "../setup/users.ts";

let supabase: TestSupabase;
let mongo: MongoClient;
let uri: string;
let api: ApiInstance;

beforeAll(async () => {
  supabase = await startTestSupabase();
  uri = await preparedMongo("moved");
  mongo = new MongoClient(uri);
  api = await startApi({ on: supabase, mongoUri: uri });
});
afterAll(async () => {
  await api?.close();
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await supabase?.stop();
});

const assign = ({ id }: TestUser, changes: string) =>
  supabase.sql(`update public.user_database_assignments set ${changes} where user_id = $1`, [id]);
/** Rows and tombstones in Supabase. */
const left = async ({ id }: TestUser) => {
  const [found] = await supabase.sql<{ rows: number }>(
    `select (select count(*) from public.contacts where user_id = $1::uuid)::int
       + (select count(*) from switchyard.tombstones where user_id = $1::uuid)::int as rows`,
    [id],
  );
  return found?.rows;
};
const idsOf = async (call: Caller) =>
  (await call("GET", "/contacts")).body.items.map(({ id }: { id: string }) => id).sort();

describe("a home that has moved since the token was made", () => {
  let ann: TestUser;
  let kept: string;
  beforeAll(async () => {
    ann = await newUser({ home: "supabase", on: supabase });
    const { repository } = mongoRepositories({ db: mongo.db(), userId: ann.id });
    kept = value(await repository(contacts).create({ name: "Kept" })).id;
    // whose list of moves is from before this one
    const other = await newUser({ home: "supabase", on: supabase });
    expect((await callerOf(api, other)("GET", "/contacts")).status).toBe(200);
    await assign(ann, "database_provider = 'mongodb', epoch = 2");
  });

  test("is found by what the old one refuses, and known from then on", async () => {
    const call = callerOf(api, ann);
    const first = await call("GET", "/contacts");
    expect([first.status, first.body.items]).toMatchObject([200, [{ id: kept, name: "Kept" }]]);
    // refused, looked up, read
    expect(first.asked).toEqual(["supabase", "supabase", "mongodb"]);
    expect((await call("GET", `/contacts/${kept}`)).asked).toEqual(["mongodb"]);
  });

  test.each([
    ["create", (call: Caller) => call("POST", "/contacts", { name: "Made" }), 201],
    ["update", (call: Caller) => call("PATCH", `/contacts/${kept}`, { note: "since" }), 200],
    ["count", (call: Caller) => call("GET", "/contacts/count"), 200],
    ["summary", (call: Caller) => call("GET", "/contacts/summary?by=name"), 200],
    ["export", (call: Caller) => call("GET", "/contacts/export.csv"), 200],
    ["delete", (call: Caller) => call("DELETE", `/contacts/${kept}`), 204],
  ] as const)("takes a %s, as the first request that an instance gets, once", async (what, request, status) => {
    const before = await idsOf(callerOf(api, ann));
    const cold = await startApi({ on: supabase, mongoUri: uri });
    const answer = await request(callerOf(cold, ann));
    await cold.close();
    expect(answer.status).toBe(status);
    // such an instance has read who has moved
    expect(new Set(answer.asked)).toEqual(new Set(["mongodb"]));
    if (what === "create" || what === "update") expect(answer.body.version % 8).toBe(SITES.mongodb);
    const change = what === "create" ? 1 : what === "delete" ? -1 : 0;
    expect(await idsOf(callerOf(api, ann))).toHaveLength(before.length + change);
    expect(await left(ann)).toBe(0);
  });

  test("is where a new token leads without a question", async () => {
    const renewed = await mintToken(supabase, ann, { appMetadata: { home: "mongodb", home_epoch: 2 } });
    expect((await callerOf(api, { jwt: renewed })("GET", "/contacts")).asked).toEqual(["mongodb"]);
  });
});

test("a home that is being moved is read, and its writes wait", async () => {
  const user = await newUser({ home: "supabase", on: supabase });
  const call = callerOf(api, user);
  const made = await call("POST", "/contacts", { name: "Ann" });
  const path = `/contacts/${made.body.id}`;
  await assign(user, "state = 'moving'");
  for (const read of [path, "/contacts?q=ann", "/contacts/count", "/contacts/summary?by=name", "/contacts/export.csv"])
    expect([read, (await call("GET", read)).status]).toEqual([read, 200]);
  const writes = [
    () => call("POST", "/contacts", { name: "Bob" }),
    () => call("POST", "/contacts", { name: "Bob" }, { "idempotency-key": "bob" }),
    () => call("PATCH", path, { name: "Anna" }),
    () => call("PATCH", path, { name: "Anna" }, { "if-match": made.headers.get("etag") ?? "" }),
    () => call("DELETE", path),
    () => call("DELETE", path, undefined, { "if-match": made.headers.get("etag") ?? "" }),
  ];
  for (const [at, write] of writes.entries()) {
    const { status, body, headers } = await write();
    expect([at, status, body.code, headers.get("retry-after")]).toEqual([
      at,
      503,
      "busy",
      expect.stringMatching(/^[1-9]/),
    ]);
  }
  expect((await call("GET", "/contacts")).body.items).toEqual([made.body]);
  await assign(user, "state = 'active'");
  expect([(await call("PATCH", path, { name: "Anna" })).status, (await call("DELETE", path)).status]).toEqual([
    200, 204,
  ]);
  expect(api.lines.filter((line) => line.includes("breaker_open"))).toEqual([]);
});

describe("a token", () => {
  const claiming = async (home: unknown) => {
    const user = await newUser({ home: "supabase", on: supabase });
    return callerOf(api, { jwt: await mintToken(supabase, user, { appMetadata: { home, home_epoch: 1 } }) });
  };

  test.each(["nowhere", "constructor"])(
    "of a home that is not configured here, %s: unavailable, and how to mend it",
    async (home) => {
      const call = await claiming(home);
      for (const answer of [await call("GET", "/contacts"), await call("POST", "/contacts", { name: "Ann" })]) {
        expect([answer.status, answer.body.code]).toEqual([503, "unavailable"]);
        expect(answer.body.detail).toContain(`set DATABASE_${home.toUpperCase()}.`);
        expect([answer.headers.get("retry-after"), answer.asked]).toEqual([expect.stringMatching(/^[1-9]/), []]);
      }
    },
  );

  test.each(["No Such", "Supabase", "", "__proto__", "a".repeat(42), 5, {}, ["supabase"], null])(
    "whose home is no database's name, %j, is none of ours",
    async (home) => {
      const { status, body } = await (await claiming(home))("GET", "/contacts");
      expect([status, body.code]).toEqual([401, "unauthorized"]);
    },
  );
});
