/** Preferences, and what a user is shown first, through the API: every answer is held against the document. */
import { MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { purgeDocuments } from "../../shared/mongo/purge.ts";
import { keptIn } from "../../shared/placement/kept-collections.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, newUser } from "../setup/users.ts";

type Body = Record<string, unknown>;

let supabase: TestSupabase;
let mongo: MongoClient;
/** with MongoDB and a cache; one that reaches no MongoDB; and one of a project that has none */
let [api, without, none]: ApiInstance[] = [];
beforeAll(async () => {
  supabase = await startTestSupabase();
  const mongoUri = await preparedMongo("overview");
  mongo = new MongoClient(mongoUri);
  api = await startApi({ on: supabase, mongoUri, more: { SINGLE_INSTANCE: "1" } });
  const more = { SINGLE_INSTANCE: "1", REQUEST_DEADLINE_MS: "5000", DATABASE_CONNECT_MS: "1000" };
  without = await startApi({ on: supabase, mongoUri: "mongodb://127.0.0.1:9/none", more });
  none = await startApi({ on: supabase, mongoUri: "", more: { SINGLE_INSTANCE: "1" } });
});
afterAll(async () => {
  await api?.close();
  await without?.close();
  await none?.close();
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await supabase?.stop();
});

async function newCaller(home: Home = "supabase", appMetadata: Body = {}) {
  const user = await newUser({ home, on: supabase, appMetadata });
  const callOf =
    (on: ApiInstance) =>
    async (method: string, path: string, body?: unknown, more: Body = {}) => {
      const response = await on.app.request(path, {
        method,
        headers: { authorization: `Bearer ${user.jwt}`, "content-type": "application/json", ...more } as never,
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      await on.judge(method.toLowerCase(), path, response);
      const text = await response.text();
      return {
        status: response.status,
        etag: response.headers.get("etag"),
        value: text ? JSON.parse(text) : undefined,
        text,
      };
    };
  return {
    id: user.id,
    call: callOf(api as ApiInstance),
    callWithout: callOf(without as ApiInstance),
    callNone: callOf(none as ApiInstance),
  };
}
const PATH = "/api/preferences";

describe.each(["supabase", "mongodb"] as const)("preferences of a user at home in %s", (home) => {
  test("are made from the defaults, once, however many ask first", async () => {
    const ann = await newCaller(home);
    const all = await Promise.all(Array.from({ length: 8 }, () => ann.call("GET", PATH)));
    expect(new Set(all.map(({ status, value }) => `${status} ${value.id}`)).size).toBe(1);
    expect(all[0]?.value).toMatchObject({
      ...{ user_id: ann.id, language: "en", currency: "EUR", metadata: {} },
      notifications: { email: true, in_app: true, push: false },
    });
    expect(all[0]?.etag).toBe(`"${all[0]?.value.version}"`);
    expect(
      await mongo
        .db()
        .collection("preferences")
        .countDocuments({ user_id: new UUID(ann.id) }),
    ).toBe(1);
  });

  test("are merged deeply, null takes a member away, and numbers stay exact", async () => {
    const ann = await newCaller(home);
    const first = { metadata: { theme: { dark: true, size: 1 }, list: [1, 2] }, notifications: { push: true } };
    expect((await ann.call("PATCH", PATH, first)).status).toBe(200);
    const digits = '{"metadata":{"theme":{"size":null,"big":12345678901234567890.5},"list":[3]},"language":"de"}';
    const { status, text, value } = await ann.call("PATCH", PATH, digits);
    expect(status).toBe(200);
    expect(value).toMatchObject({ language: "de", notifications: { email: true, in_app: true, push: true } });
    expect(text).toContain('"metadata":{"list":[3],"theme":{"big":12345678901234567890.5,"dark":true}}');
    expect((await ann.call("GET", PATH)).text).toBe(text);
  });

  test("patches at the same time do not lose one another", async () => {
    const ann = await newCaller(home);
    const keys = Array.from({ length: 10 }, (_, at) => `key_${at}`);
    const answers = await Promise.all(keys.map((key) => ann.call("PATCH", PATH, { metadata: { [key]: key } })));
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
    expect((await ann.call("GET", PATH)).value.metadata).toEqual(Object.fromEntries(keys.map((key) => [key, key])));
  });

  test("If-Match and If-None-Match are heeded", async () => {
    const ann = await newCaller(home);
    const { etag } = await ann.call("GET", PATH);
    expect((await ann.call("GET", PATH, undefined, { "if-none-match": etag })).status).toBe(304);
    expect((await ann.call("PATCH", PATH, { language: "fr" }, { "if-match": etag })).status).toBe(200);
    expect((await ann.call("PATCH", PATH, { language: "it" }, { "if-match": etag })).status).toBe(412);
    expect((await ann.call("GET", PATH)).value.language).toBe("fr");
  });

  test("are exported, and purged with their user and nobody else", async () => {
    const [ann, bo] = [await newCaller(home), await newCaller(home)];
    for (const user of [ann, bo]) await user.call("PATCH", PATH, { metadata: { of: user.id } });
    const { value } = await ann.call("GET", "/api/me/export");
    expect(value.collections.preferences).toMatchObject([{ user_id: ann.id, metadata: { of: ann.id } }]);
    await purgeDocuments(mongo.db(), keptIn("mongodb", allCollections), ann.id);
    const left = await mongo.db().collection("preferences").find().toArray();
    expect(left.filter(({ user_id }) => String(user_id) === ann.id)).toEqual([]);
    expect((await bo.call("GET", PATH)).value.metadata).toEqual({ of: bo.id });
  });
});

test("what does not fit is refused and named", async () => {
  const ann = await newCaller();
  for (const wrong of [
    { language: "x" },
    { currency: "EURO" },
    { notifications: { pigeon: true } },
    { metadata: [1] },
    { metadata: null },
    { metadata: { text: "x".repeat(64 * 1024) } },
    { user_id: ann.id },
  ])
    expect([wrong, (await ann.call("PATCH", PATH, wrong)).status]).toEqual([wrong, 422]);
  expect((await ann.call("GET", PATH)).value.metadata).toEqual({});
  expect((await (api as ApiInstance).app.request(PATH)).status).toBe(401);
});

/** With an account in EUR that holds so much. */
async function rich(amount: string) {
  const [ann, admin] = [await newCaller("supabase"), await newCaller("supabase", { role: "admin" })];
  const { value } = await ann.call("POST", "/api/ledger/accounts", { asset: "EUR" });
  const deposit = () => admin.call("POST", "/api/admin/ledger/deposits", { account: value.id, amount });
  expect((await deposit()).status).toBe(201);
  return { ...ann, account: value.id as string, deposit };
}

describe("the first look", () => {
  test("is profile, balances and preferences, from both databases", async () => {
    const ann = await rich("12.50");
    await ann.call("PUT", "/api/profile", { name: "Ann" });
    const { status, value } = await ann.call("GET", "/api/users/me");
    expect(status).toBe(200);
    expect(value).toMatchObject({
      ...{ id: ann.id, profile: { name: "Ann", image_url: null }, degraded: [] },
      balances: [{ id: ann.account, asset: "EUR", available: "12.50" }],
      preferences: { user_id: ann.id, language: "en" },
    });
  });

  test("the dashboard is remembered, and shows every write through the API at once", async () => {
    const ann = await rich("20");
    const look = async () => (await ann.call("GET", "/api/dashboard")).value;
    const first = await look();
    expect(first).toMatchObject({ degraded: [], spending: [], home: { database: "supabase", records: 0 } });
    expect(first.transfers).toMatchObject([{ kind: "deposit", amount: "20.00" }]);
    expect(await look()).toEqual(first);
    const today = new Date().toISOString().slice(0, 10);
    await ann.call("POST", "/api/expenses", { amount: "3.20", currency: "EUR", date: today });
    expect(await look()).toMatchObject({
      spending: [{ currency: "EUR", sum: "3.20", count: 1 }],
      home: { records: 1 },
    });
    await ann.call("PATCH", PATH, { language: "de" });
    expect((await look()).preferences.language).toBe("de");
    // somebody else's write
    await ann.deposit();
    expect((await look()).balances).toMatchObject([{ available: "40.00" }]);
    await ann.call("POST", "/api/ledger/transfers", { kind: "withdrawal", from_account: ann.account, amount: "1" });
    expect((await look()).balances).toMatchObject([{ available: "39.00" }]);
    expect((await ann.call("GET", "/api/users/me")).value.balances).toMatchObject([{ available: "39.00" }]);
  });

  test("what is held is free at its time, without a write that would say so", async () => {
    const ann = await rich("20");
    const look = async () => (await ann.call("GET", "/api/dashboard")).value.balances;
    const hold = { kind: "withdrawal", from_account: ann.account, amount: "5", hold_seconds: 1 };
    const made = Date.now();
    await ann.call("POST", "/api/ledger/transfers", hold);
    const [held] = await look();
    // of a machine so slow that it was over by then nothing is learnt
    if (Date.now() - made < 1_000) expect(held).toMatchObject({ pending: "5.00", available: "15.00" });
    await expect.poll(look, { timeout: 60_000 }).toMatchObject([{ pending: "0.00", available: "20.00" }]);
  });

  test("without MongoDB it says what is missing, has the money, and is not remembered", async () => {
    const ann = await rich("7");
    const { status, value } = await ann.callWithout("GET", "/api/dashboard");
    expect(status).toBe(200);
    expect(value).toMatchObject({ degraded: ["preferences"], preferences: null, balances: [{ available: "7.00" }] });
    expect((await ann.callWithout("GET", PATH)).status).toBe(503);
    const { hits } = (without as ApiInstance).cache.stats();
    // the deposit goes through the other instance, of which this one hears nothing
    await ann.deposit();
    expect((await ann.callWithout("GET", "/api/dashboard")).value.balances).toMatchObject([{ available: "14.00" }]);
    expect((without as ApiInstance).cache.stats().hits).toBe(hits);
  });

  test("where no MongoDB is configured, preferences say what to set, and all else is there", async () => {
    const ann = await rich("3");
    for (const answer of [await ann.callNone("GET", PATH), await ann.callNone("PATCH", PATH, { language: "de" })]) {
      expect([answer.status, answer.value.code]).toEqual([503, "unavailable"]);
      expect(answer.value.detail).toBe("These records are in MongoDB, which is not configured here: set MONGODB_URI.");
    }
    for (const path of ["/api/users/me", "/api/dashboard"]) {
      const { status, value } = await ann.callNone("GET", path);
      expect([path, status]).toEqual([path, 200]);
      expect(value).toMatchObject({ degraded: ["preferences"], preferences: null, balances: [{ available: "3.00" }] });
    }
  });

  test("nobody sees another's", async () => {
    const [ann, eve] = [await rich("5"), await newCaller("mongodb")];
    await ann.call("PATCH", PATH, { metadata: { secret: "hers" } });
    await ann.call("GET", "/api/dashboard");
    for (const path of [PATH, "/api/users/me", "/api/dashboard"])
      expect((await eve.call("GET", path)).text).not.toMatch(`hers|${ann.id}|${ann.account}`);
  });
});
