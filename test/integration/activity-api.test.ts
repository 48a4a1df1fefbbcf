/** What users do is noted behind their answers, and read by themselves alone: every answer is held against the document. */
import { MongoClient, UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { purgeDocuments } from "../../shared/mongo/purge.ts";
import { keptIn } from "../../shared/placement/kept-collections.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { startProxy } from "../failure/proxy.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, newUser } from "../setup/users.ts";

interface Entry {
  id: string;
  action: string;
  at: string;
  resource_ids: string[];
  request_id: string;
  home: string;
  address: string | null;
}

let supabase: TestSupabase;
let mongo: MongoClient;
let api: ApiInstance;
/** that reaches no MongoDB, and that has none */
let [away, none]: ApiInstance[] = [];
beforeAll(async () => {
  supabase = await startTestSupabase();
  const mongoUri = await preparedMongo("activity");
  mongo = new MongoClient(mongoUri);
  api = await startApi({ on: supabase, mongoUri, more: { CLIENT_ADDRESS_HEADER: "x-test-address" } });
  const more = { REQUEST_DEADLINE_MS: "5000", DATABASE_CONNECT_MS: "1000" };
  away = await startApi({ on: supabase, mongoUri: "mongodb://127.0.0.1:9/none", more });
  none = await startApi({ on: supabase, mongoUri: "" });
});
afterAll(async () => {
  for (const each of [api, away, none]) await each?.close();
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await supabase?.stop();
});

async function newCaller(home: Home = "supabase") {
  const user = await newUser({ home, on: supabase });
  const callOf =
    (on: ApiInstance) =>
    async (method: string, path: string, body?: unknown, more: Record<string, string> = {}) => {
      const headers = {
        authorization: `Bearer ${user.jwt}`,
        "content-type": typeof body === "string" ? "text/csv" : "application/json",
        ...more,
      };
      const init = { method, headers, body: typeof body === "string" ? body : JSON.stringify(body) };
      const response = await on.app.request(path, init);
      await on.judge(method.toLowerCase(), path, response);
      const text = await response.text();
      return { status: response.status, headers: response.headers, value: text ? JSON.parse(text) : undefined, text };
    };
  const call = callOf(api);
  const activity = async (query = ""): Promise<Entry[]> => {
    await api.settled();
    return (await call("GET", `${PATH}${query}`)).value.items;
  };
  return {
    ...user,
    call,
    callOf,
    activity,
    callAway: callOf(away as ApiInstance),
    callNone: callOf(none as ApiInstance),
  };
}
const PATH = "/api/activity";
const contact = (name = "Dee") => ({ name });

describe.each(["supabase", "mongodb"] as const)("of a user at home in %s", (home) => {
  test("each change is there with its route, its ids and where it came from, the newest first, and nothing it says", async () => {
    const ann = await newCaller(home);
    const from = { "x-test-address": "203.0.113.7", "x-request-id": "of-the-test" };
    const { value, headers } = await ann.call("POST", "/api/contacts", contact("Secret Name"), from);
    await ann.call("PATCH", `/api/contacts/${value.id}`, { name: "Another" });
    await ann.call("DELETE", `/api/contacts/${value.id}`);
    await ann.call("PATCH", "/api/preferences", { language: "de" });
    const all = await ann.activity();
    expect(all.map(({ action, resource_ids }) => [action, resource_ids])).toEqual([
      ["PATCH /api/preferences", []],
      ["DELETE /api/contacts/{id}", [value.id]],
      ["PATCH /api/contacts/{id}", [value.id]],
      ["POST /api/contacts", [value.id]],
    ]);
    expect(headers.get("x-request-id")).toBe("of-the-test");
    expect(all.at(-1)).toMatchObject({ request_id: "of-the-test", home, address: "203.0.113.7" });
    const stored = await mongo
      .db()
      .collection("activity_logs")
      .find({ user_id: new UUID(ann.id) })
      .toArray();
    expect(stored).toHaveLength(4);
    expect(JSON.stringify(stored)).not.toMatch(/Secret|Another|Bearer|eyJ/);
  });

  test("what changes nothing leaves none: reads, refusals, what was there already, a look at a file", async () => {
    const ann = await newCaller(home);
    await ann.call("POST", "/api/ledger/accounts", { asset: "EUR" });
    const before = await ann.activity();
    await ann.call("GET", "/api/contacts");
    await ann.call("POST", "/api/contacts", { name: "" });
    await ann.call("PATCH", `/api/contacts/${crypto.randomUUID()}`, contact());
    await ann.call("POST", "/api/ledger/accounts", { asset: "EUR" });
    await ann.call("POST", "/api/contacts/import.csv", "name\nDee\n");
    await ann.call("POST", "/api/contacts/batch", { operations: [{ op: "create", body: { name: "" } }] });
    expect(before).toHaveLength(1);
    expect(await ann.activity()).toEqual(before);
  });

  test("a batch and a file are one each, with the ids of what was done", async () => {
    const ann = await newCaller(home);
    const operations = [contact("A"), { name: "" }, contact("B")].map((body) => ({ op: "create", body }));
    const { value } = await ann.call("POST", "/api/contacts/batch", { operations });
    const ids = value.results.flatMap(({ record }: { record?: { id: string } }) => record?.id ?? []);
    await ann.call("POST", "/api/contacts/import.csv?commit=1", "name\nDee\nEve\n");
    const [file, batch] = await ann.activity();
    expect(batch).toMatchObject({ action: "POST /api/contacts/batch", resource_ids: ids });
    expect(file).toMatchObject({ action: "POST /api/contacts/import.csv" });
    expect([ids.length, file?.resource_ids.length]).toEqual([2, 2]);
  });

  test("nobody reads another's", async () => {
    const [ann, eve] = [await newCaller(home), await newCaller(home === "supabase" ? "mongodb" : "supabase")];
    const { value } = await ann.call("POST", "/api/contacts", contact());
    const [entry] = await ann.activity();
    const { next_cursor } = (await ann.call("GET", `${PATH}?limit=1`)).value;
    await ann.call("POST", "/api/contacts", contact("Fay"));
    await api.settled();
    const cursor = (await ann.call("GET", `${PATH}?limit=1`)).value.next_cursor;
    expect([next_cursor, typeof cursor]).toEqual([null, "string"]);
    for (const query of ["", `?cursor=${cursor}`, `?user_id=${ann.id}`, `?id=${entry?.id}`]) {
      const { status, text } = await eve.call("GET", PATH + query);
      expect([query, status]).toEqual([query, query === "" ? 200 : 400]);
      expect(text).not.toMatch(new RegExp(`${value.id}|"action"`));
    }
    expect((await api.app.request(PATH)).status).toBe(401);
  });

  test("they are exported, and purged with their user and nobody else's", async () => {
    const [ann, bo] = [await newCaller(home), await newCaller(home)];
    for (const user of [ann, bo]) await user.call("POST", "/api/contacts", contact());
    const [[entry]] = [await ann.activity()];
    const { value } = await ann.call("GET", "/api/me/export");
    expect(value.collections.activity_logs).toMatchObject([{ id: entry?.id, user_id: ann.id }]);
    await purgeDocuments(mongo.db(), keptIn("mongodb", allCollections), ann.id);
    expect(await ann.activity()).toEqual([]);
    expect(await bo.activity()).toHaveLength(1);
  });

  test("they take nothing of what the user may keep", async () => {
    const ann = await newCaller(home);
    await ann.call("POST", "/api/contacts", contact());
    await ann.activity();
    expect((await ann.call("GET", "/api/me")).value.usage.records).toBe(1);
  });
});

test("pages, actions and times", async () => {
  const ann = await newCaller("mongodb");
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) ids.push((await ann.call("POST", "/api/contacts", contact(`n${at}`))).value.id);
  await ann.call("DELETE", `/api/contacts/${ids[0]}`);
  const all = await ann.activity();
  const walked: Entry[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { value } = await ann.call("GET", `${PATH}?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    walked.push(...value.items);
    cursor = value.next_cursor;
  }
  expect(walked).toEqual(all);
  expect(all).toHaveLength(6);
  const encoded = encodeURIComponent("DELETE /api/contacts/{id}");
  expect(await ann.activity(`?action=${encoded}`)).toEqual([all[0]]);
  const middle = all[3]?.at as string;
  expect(await ann.activity(`?at[gte]=${middle}`)).toEqual(all.filter(({ at }) => at >= middle));
  expect(await ann.activity(`?at[lt]=${middle}`)).toEqual(all.filter(({ at }) => at < middle));
  for (const wrong of ["?sort=at", "?nope=1", "?limit=0", "?at[gte]=yesterday", "?cursor=x", "?request_id=x"])
    expect([wrong, (await ann.call("GET", PATH + wrong)).status]).toEqual([wrong, 400]);
});

test("an account that is deleted leaves none behind its purge", async () => {
  const ann = await newCaller("mongodb");
  await ann.call("POST", "/api/contacts", contact());
  await ann.activity();
  await purgeDocuments(mongo.db(), keptIn("mongodb", allCollections), ann.id);
  expect((await ann.call("DELETE", "/api/me")).status).toBe(204);
  await api.settled();
  expect(
    await mongo
      .db()
      .collection("activity_logs")
      .countDocuments({ user_id: new UUID(ann.id) }),
  ).toBe(0);
});

test("they go by themselves after 90 days", async () => {
  const [index] = (await mongo.db().collection("activity_logs").indexes()).filter(
    ({ name }) => name === "updated_at_ttl",
  );
  expect(index).toMatchObject({ key: { updated_at: 1 }, expireAfterSeconds: 90 * 24 * 3_600 });
});

test("nobody waits for a MongoDB that hangs: the answer is there while what was done still waits to be noted", async () => {
  const url = new URL(mongoUriFor(mongo.db().databaseName));
  const proxy = await startProxy(`http://${url.host}`);
  url.host = `127.0.0.1:${proxy.port}`;
  await proxy.set("hang");
  const hanging = await startApi({ on: supabase, mongoUri: url.toString() });
  try {
    const ann = await newCaller("supabase");
    for (const queued of [1, 2, 3]) {
      expect((await ann.callOf(hanging)("POST", "/api/contacts", contact(`n${queued}`))).status).toBe(201);
      expect(hanging.activity?.stats()).toEqual({ queued, written: 0, dropped: 0 });
    }
    await proxy.set("pass");
    await hanging.settled();
    // what was under way as it hung may be lost, and is counted then
    const { queued, written, dropped } = hanging.activity?.stats() ?? {};
    expect([queued, Number(written) + Number(dropped)]).toEqual([0, 3]);
  } finally {
    await proxy.set("pass");
    await hanging.close();
    await proxy.stop();
  }
});

test("without MongoDB changes are made all the same, and what could not be noted is counted", async () => {
  const ann = await newCaller("supabase");
  for (let at = 0; at < 3; at++) {
    expect((await ann.callAway("POST", "/api/contacts", contact(`n${at}`))).status).toBe(201);
    await away?.settled();
  }
  expect(away?.activity?.stats()).toEqual({ queued: 0, written: 0, dropped: 3 });
  expect((await ann.callNone("POST", "/api/contacts", contact("Fay"))).status).toBe(201);
  for (const call of [ann.callAway, ann.callNone]) {
    const { status, value, headers } = await call("GET", PATH);
    expect([status, value.code]).toEqual([503, "unavailable"]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
});
