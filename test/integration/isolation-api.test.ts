/** Every route of the OpenAPI document, called by strangers of both homes: nothing of another user's is told or touched. */

import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { referencesFrom } from "../../shared/definition/references.ts";
import { DEFAULT_QUOTA } from "../../shared/repository/quotas.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { addressOf, type Operation, requiredQuery } from "../attack/operations.ts";
import { type Body, byName, each, every, sample } from "../contract/suite/samples.ts";
import { dropHome, prepareHome } from "../setup/prepared-mongo.ts";
import { mongoUriFor } from "../setup/servers.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { type Home, newUser, type TestUser } from "../setup/users.ts";

/** stands in every text of Ann's, so that any answer that has it has told something */
const SECRET = "ann-secret-7b1f";
const homes = ["supabase", "mongodb"] as const;
const pairs = homes.flatMap((home) => homes.map((other) => [home, other] as const));

interface Answer {
  status: number;
  text: string;
}

let supabase: TestSupabase;
let api: ApiInstance;
let mongo: MongoClient;
const anns = {} as Record<Home, { user: TestUser; records: Map<string, Body & { id: string }> }>;
const strangers = {} as Record<Home, TestUser>;

async function call(user: TestUser | null, method: string, path: string, body?: unknown, more: HeadersInit = {}) {
  const headers = new Headers(more);
  if (user) headers.set("authorization", `Bearer ${user.jwt}`);
  if (body !== undefined) headers.set("content-type", "application/json");
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await api.app.request(`http://api.test${path}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** A new record through the API, with new parents of the same user. */
async function create(user: TestUser, name: string, kind: "minimal" | "full", more: Body = {}, key = "") {
  const body = { ...sample(name, kind), ...more };
  for (const { field, target, where } of referencesFrom(byName(name)))
    if (!(field in more) && (kind === "full" || byName(name).fields[field]?.required))
      body[field] = (await create(user, target, kind, where)).id;
  const { status, text } = await call(user, "POST", `/api/${name}`, body, key ? { "idempotency-key": key } : {});
  if (status !== 201) throw new Error(`${name} of ${user.home}: ${status} ${text}`);
  return JSON.parse(text) as Body & { id: string };
}

beforeAll(async () => {
  supabase = await startTestSupabase();
  const uri = mongoUriFor("switchyard_isolation");
  mongo = new MongoClient(uri);
  await dropHome(mongo.db());
  await prepareHome(mongo.db());
  api = await startApi({ on: supabase, mongoUri: uri });
  for (const home of homes) {
    const user = await newUser({ home, on: supabase });
    const records = new Map<string, Body & { id: string }>();
    for (const name of every) {
      const text = byName(name).search[0] ?? "name";
      records.set(name, await create(user, name, "full", { [text]: `${SECRET} ${name}` }, `of ${name}`));
    }
    anns[home] = { user, records };
    strangers[home] = await newUser({ home, on: supabase });
  }
});
afterAll(async () => {
  await api?.close();
  if (mongo) await dropHome(mongo.db());
  await mongo?.close();
  await supabase?.stop();
});

const collectionOf = (path: string) => path.split("/")[2] ?? "";
/** The answer without what differs between any two requests and with the id asked for made neutral. */
function neutral({ status, text }: Answer, id: string): Answer {
  const cut = text
    .replaceAll(id, "<id>")
    .replace(/"(created_at|updated_at|version|timestamp)":("[^"]*"|\d+)/g, '"$1":0');
  return { status, text: cut };
}

async function tells(answer: Answer, home: Home, asked: string[] = []) {
  expect(answer.text).not.toContain(SECRET);
  for (const { id } of anns[home].records.values()) if (!asked.includes(id)) expect(answer.text).not.toContain(id);
  expect(answer.text).not.toContain(anns[home].user.email);
}

/** All of Ann's records, as she sees them. */
const belongings = async (home: Home) =>
  Promise.all(every.map(async (name) => (await call(anns[home].user, "GET", `/api/${name}?limit=200`)).text));

describe.each(pairs)("records at home in %s, a stranger at home in %s", (home, other) => {
  const walk = (fits: (operation: Operation) => boolean) =>
    api.operations.filter((operation) => operation.secured && operation.path !== "/api/me" && fits(operation));

  test("routes with an id answer the same for Ann's as for one that is nowhere", async () => {
    const before = await belongings(home);
    // what people share is tried in isolation-rooms.test.ts
    const routes = walk(({ path }) => path.includes("{id}") && every.some((name) => name === collectionOf(path)));
    expect(routes.length).toBeGreaterThanOrEqual(every.length * 3 + 2);
    for (const operation of routes) {
      const { method, path } = operation;
      const name = collectionOf(path);
      const [theirs, nowhere] = [anns[home].records.get(name)?.id ?? "", crypto.randomUUID()];
      const hers = anns[home].records.get("payments")?.id;
      // of a customer's payments, the customer is Ann's; what they are themselves, a body says
      const inside = path.split("/")[4] === "payments" ? "payments" : undefined;
      const bodies: Record<string, Body> = {
        PATCH: { [byName(inside ?? name).search[0] ?? ""]: "taken" },
        POST: inside ? sample(inside, "minimal") : { into: crypto.randomUUID() },
      };
      const body = bodies[method];
      for (const headers of [{}, { "if-match": '"1"' }, { "if-match": "*" }, { "if-none-match": "*" }]) {
        const ask = async (id: string) => {
          const address = addressOf(operation, id, hers);
          const answer = await call(strangers[other], method, address, body, headers);
          await tells(answer, home, [id]);
          return neutral(answer, id);
        };
        const answer = await ask(theirs);
        expect([method, path, answer]).toEqual([method, path, await ask(nowhere)]);
        expect([method, path, [404, 412].includes(answer.status)]).toEqual([method, path, true]);
      }
    }
    expect(await belongings(home)).toEqual(before);
  });

  test("lists, counts, summaries, exports and reports have nothing of Ann's", async () => {
    for (const operation of walk(({ method, path }) => method === "GET" && !path.includes("{"))) {
      const { path } = operation;
      const name = collectionOf(path);
      const required = requiredQuery(operation);
      await tells(await call(strangers[other], "GET", `${path}?${required}`), home);
      if (!anns[home].records.has(name)) continue;
      const filters = [["id", anns[home].records.get(name)?.id ?? ""]];
      for (const { field, target } of referencesFrom(byName(name)))
        filters.push([field, anns[home].records.get(target)?.id ?? ""]);
      for (const [field = "", id = ""] of [...filters, ["q", SECRET]]) {
        const ask = async (value: string) => {
          const answer = await call(strangers[other], "GET", `${path}?${required}&${field}=${value}`);
          await tells(answer, home, [id, SECRET]);
          return neutral(answer, value);
        };
        expect([path, await ask(id)]).toEqual([path, await ask(crypto.randomUUID())]);
      }
    }
  });

  test("a cursor of Ann's is refused", async () => {
    await create(anns[home].user, "contacts", "minimal", { name: `${SECRET} two` });
    const { text } = await call(anns[home].user, "GET", "/api/contacts?limit=1");
    const cursor = JSON.parse(text).next_cursor as string;
    expect(cursor).toEqual(expect.any(String));
    const answer = await call(strangers[other], "GET", `/api/contacts?limit=1&cursor=${cursor}`);
    expect(answer.status).toBe(400);
    await tells(answer, home);
  });

  test.each(each)("%s: Ann's id and Ann's idempotency key are free, her records are no parents", async (name) => {
    const before = await belongings(home);
    const stranger = await newUser({ home: other, on: supabase });
    const made = await create(stranger, name, "minimal", {}, `of ${name}`);
    expect(made.id).not.toBe(anns[home].records.get(name)?.id);
    const { id: _, ...parents } = Object.fromEntries(
      referencesFrom(byName(name)).map(({ field }) => [field, made[field]]),
    );
    const id = anns[home].records.get(name)?.id ?? "";
    const taken = await call(stranger, "POST", `/api/${name}`, { ...sample(name, "minimal"), ...parents, id });
    expect([taken.status, JSON.parse(taken.text).user_id]).toEqual([201, stranger.id]);
    expect((await call(stranger, "DELETE", `/api/${name}/${id}`)).status).toBe(204);
    for (const { field, target } of referencesFrom(byName(name))) {
      const ask = async (parent: string) =>
        [
          await call(stranger, "POST", `/api/${name}`, { ...sample(name, "minimal"), ...parents, [field]: parent }),
          await call(stranger, "PATCH", `/api/${name}/${made.id}`, { [field]: parent }),
        ].map((answer) => neutral(answer, parent));
      const answers = await ask(anns[home].records.get(target)?.id ?? "");
      expect(answers).toEqual(await ask(crypto.randomUUID()));
      expect(answers.map(({ status }) => status)).toEqual([422, 422]);
    }
    expect(await belongings(home)).toEqual(before);
  });
});

describe("every route", () => {
  test("that is for admins refuses everyone else", async () => {
    const admin = api.operations.filter(({ path }) => path.startsWith("/api/admin/"));
    expect(admin.length).toBeGreaterThan(0);
    for (const { method, path } of admin)
      for (const home of homes) expect((await call(strangers[home], method, path)).status).toBe(403);
  });

  test("that is open says nothing of anyone", async () => {
    const open = api.operations.filter(({ secured }) => !secured);
    for (const { method, path } of open) for (const home of homes) await tells(await call(null, method, path), home);
  });

  test("of /api/me is about the caller, and deleting the caller leaves Ann as she was", async () => {
    for (const home of homes) {
      const before = await belongings(home);
      const leaving = await newUser({ home, on: supabase });
      expect(JSON.parse((await call(leaving, "GET", "/api/me")).text)).toEqual({
        id: leaving.id,
        email: leaving.email,
        home,
        home_kind: expect.stringMatching(/^(postgres|mongodb)$/),
        home_since: expect.stringMatching(/Z$/),
        usage: { records: 0, bytes: 0, quota: DEFAULT_QUOTA },
      });
      const gone = await call(leaving, "DELETE", "/api/me");
      expect([gone.status, gone.text]).toEqual([204, ""]);
      expect(await belongings(home)).toEqual(before);
    }
  });
});
