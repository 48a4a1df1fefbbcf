/** The whole system dies (SIGKILL) in the middle of writes: on the embedded databases, and on real servers. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { afterAll, describe, expect, test, vi } from "vitest";
import { freePorts, groupLives, npm, type Started } from "../integration/start-child.ts";
import { PATIENT } from "../setup/patience.ts";
import type { Home, TestUser } from "../setup/users.ts";
import { type Answer, ask } from "./requests.ts";
import { control, mongoUriFor, servers } from "./servers.ts";

const WRITES = 500;
const started: Started[] = [];
const folders: string[] = [];
afterAll(async () => {
  for (const system of started) if (groupLives(system)) system.signal("SIGKILL");
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Place {
  url: string;
  supabaseUrl: string;
  env: Record<string, string>;
}
async function place(env: Record<string, string>): Promise<Place> {
  const [port, supabasePort] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), "switchyard-crash-"));
  folders.push(folder);
  const own = {
    PORT: String(port),
    SUPABASE_PORT: String(supabasePort),
    SWITCHYARD_DATA: folder,
    SWITCHYARD_DEMO: "0",
  };
  return { url: `http://127.0.0.1:${port}`, supabaseUrl: `http://127.0.0.1:${supabasePort}`, env: { ...own, ...env } };
}
async function start({ env }: Place): Promise<Started> {
  const system = npm("start", env);
  started.push(system);
  await system.said("Ready.");
  return system;
}
async function kill(system: Started): Promise<void> {
  system.signal("SIGKILL");
  await system.ended;
  await vi.waitUntil(() => !groupLives(system), PATIENT);
}

/** Signs up until both homes have somebody. */
async function users({ supabaseUrl }: Place, system: Started): Promise<Record<Home, TestUser>> {
  const key = /publishable key (sb_publishable_\S+?)\)/.exec(system.output())?.[1] ?? "";
  const client = createClient(supabaseUrl, key, { auth: { persistSession: false, autoRefreshToken: false } });
  const found: Partial<Record<Home, TestUser>> = {};
  for (let tries = 0; tries < 200 && !(found.supabase && found.mongodb); tries++) {
    const email = `c-${randomUUID()}@switchyard.test`;
    const { data, error } = await client.auth.signUp({ email, password: "correct horse" });
    if (error) throw error;
    const jwt = data.session?.access_token ?? "";
    const { home } = JSON.parse(atob(jwt.split(".")[1] ?? "")).app_metadata as { home: Home };
    found[home] ??= { id: data.user?.id ?? "", email, jwt, home };
  }
  return found as Record<Home, TestUser>;
}

interface Write {
  key: string;
  body: Record<string, unknown>;
  created?: Record<string, unknown>;
  /** what an acknowledged update has set */
  updated?: string;
}

/** Creates and updates until the system is gone. */
async function write(url: string, user: TestUser, category: string, writes: Write[]): Promise<void> {
  for (let turn = 0; turn < WRITES; turn++) {
    const body = { amount: `${turn + 1}.00`, currency: "EUR", date: "2026-03-14", category_id: category };
    const one: Write = { key: randomUUID(), body };
    writes.push(one);
    const made = await ask(url, user, "/api/expenses", { body, headers: { "idempotency-key": one.key } });
    if (made.status === 0) return;
    if (made.status !== 201) continue;
    one.created = made.body;
    const text = `changed ${turn}`;
    const patch = { method: "PATCH", body: { description: text, category_id: category } };
    const changed = await ask(url, user, `/api/expenses/${made.body.id}`, patch);
    if (changed.status === 200) one.updated = text;
    if (changed.status === 0) return;
  }
}

/** Asks again as long as the answer says so, as a client does: a MongoDB lets go of a killed transaction after a minute. */
const untilServed = (call: () => Promise<Answer>): Promise<Answer> =>
  vi.waitFor(async () => {
    const answer = await call();
    if (answer.status === 503) throw new Error(String(answer.body.detail));
    return answer;
  }, PATIENT);

async function everything(url: string, user: TestUser): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for (let cursor: unknown = ""; cursor !== null; ) {
    const page = await ask(url, user, `/api/expenses?limit=200${cursor ? `&cursor=${cursor}` : ""}`);
    expect(page.status).toBe(200);
    items.push(...(page.body.items as Record<string, unknown>[]));
    cursor = page.body.next_cursor;
  }
  return items;
}

const KINDS = {
  "the embedded databases": () => ({}),
  "real servers": () => ({
    SUPABASE_DB_URL: servers().dbUrl,
    SUPABASE_ADMIN_DB_URL: servers().adminDbUrl,
    MONGODB_URI: mongoUriFor(`crash_${randomUUID().slice(0, 8)}`),
  }),
};

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("on %s", (kind) => {
  test("what was acknowledged is there, nothing is half there, and a retry makes no second record", async () => {
    const at = await place(KINDS[kind]());
    const first = await start(at);
    const both = Object.values(await users(at, first));
    const running = await Promise.all(
      both.map(async (user) => {
        const made = await ask(at.url, user, "/api/categories", { body: { name: randomUUID(), kind: "expense" } });
        return { user, category: String(made.body.id), writes: [] as Write[] };
      }),
    );
    const acknowledged = () => running.map(({ writes }) => writes.filter(({ created }) => created).length);
    const load = running.flatMap(({ user, category, writes }) =>
      Array.from({ length: 4 }, () => write(at.url, user, category, writes)),
    );
    await vi.waitUntil(() => Math.min(...acknowledged()) >= WRITES / 8, PATIENT);
    await kill(first);
    await Promise.all(load);

    const second = await start(at);
    for (const { user, category, writes } of running) {
      const found = new Map((await everything(at.url, user)).map((item) => [item.id, item]));
      expect((await ask(at.url, user, "/api/expenses/count")).body.count).toBe(found.size);
      for (const { created, updated } of writes.filter((each) => each.created)) {
        const { version: _v, updated_at: _u, description: _d, ...kept } = created ?? {};
        expect(found.get(created?.id)).toMatchObject(updated ? { ...kept, description: updated } : kept);
      }
      for (const item of found.values()) expect(item.category_id).toBe(category);
      const unsure = writes.filter(({ created }) => !created);
      for (const { key, body } of [...unsure, ...writes.slice(0, 20)]) {
        const again = await untilServed(() =>
          ask(at.url, user, "/api/expenses", { body, headers: { "idempotency-key": key } }),
        );
        expect([again.status, again.body]).toEqual([201, expect.objectContaining(body)]);
      }
      const ids = (await everything(at.url, user)).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBe(writes.length);
      const removed = await untilServed(() => ask(at.url, user, `/api/categories/${category}`, { method: "DELETE" }));
      expect(removed.body.code).toBe("referenced");
    }
    await kill(second);
  });
});

test("users deleted while MongoDB is down are purged when it is back, also after a restart", async () => {
  const at = await place(KINDS["real servers"]());
  const first = await start(at);
  const { mongodb: user } = await users(at, first);
  const { MongoClient, UUID } = await import("mongodb");
  const body = { name: randomUUID(), kind: "expense" };
  expect((await ask(at.url, user, "/api/categories", { body })).status).toBe(201);
  await control("kill", "mongodb");
  expect((await ask(at.url, user, "/api/me", { method: "DELETE" })).status).toBe(204);
  await kill(first);
  const client = new MongoClient(at.env.MONGODB_URI ?? "");
  try {
    const left = () =>
      client
        .db()
        .collection("categories")
        .countDocuments({ "_id.user_id": new UUID(user.id) });
    // Counted while nothing runs that could purge it, and down again before the restart.
    await control("start", "mongodb");
    expect(await left()).toBe(1);
    await control("kill", "mongodb");
    const second = await start(at);
    await control("start", "mongodb");
    await vi.waitUntil(async () => (await left()) === 0, PATIENT);
    await kill(second);
  } finally {
    await client.close();
  }
});
