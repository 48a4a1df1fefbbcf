/** A user moves from one home to another, and everything that they and their clients know goes on. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { homeCollections } from "../../shared/collections/index.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { readStats } from "../../shared/placement/stats.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("moves");
});
afterAll(() => system?.stop());

const COLLECTIONS = ["categories", "expenses", "incomes", "budgets", "contacts", "loans", "loan_payments"];

/** Something in every collection, things that refer to others, and things that were deleted. */
async function fill(call: Caller) {
  const made = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const answer = await call("POST", `/${path}`, body, headers);
    expect([path, answer.status, answer.body]).toEqual([path, 201, expect.anything()]);
    return answer;
  };
  const food = (await made("categories", { name: "Food", kind: "expense", color: "#ff0000" })).body;
  const pay = (await made("categories", { name: "Pay", kind: "income" })).body;
  for (const [at, amount] of ["12.50", "0.01", "999999.99", "3.10"].entries()) {
    const day = `2026-01-0${at + 1}`;
    await made("expenses", { amount, currency: "EUR", category_id: food.id, date: day, description: `Straße ${at}` });
  }
  await made("incomes", { amount: "2000", currency: "EUR", category_id: pay.id, date: "2026-01-31" });
  await made("budgets", {
    amount: "300",
    currency: "EUR",
    category_id: food.id,
    name: "Groceries",
    period: "monthly",
    starts_on: "2026-01-01",
  });
  const ann = (await made("contacts", { name: "Ann" })).body;
  const loan = (
    await made("loans", { amount: "50", currency: "EUR", contact_id: ann.id, direction: "lent", date: "2026-01-02" })
  ).body;
  await made("loan_payments", { amount: "10", loan_id: loan.id, date: "2026-01-03" });
  const keyed = await made("contacts", { name: "Bob" }, { "idempotency-key": "bob" });
  const gone = await made("contacts", { name: "Cid" }, { "idempotency-key": "cid" });
  expect((await call("DELETE", `/contacts/${gone.body.id}`)).status).toBe(204);
  return { food, ann, keyed, gone };
}

async function everything(call: Caller) {
  const all: Record<string, unknown> = {};
  for (const name of COLLECTIONS) {
    const { status, body } = await call("GET", `/${name}?limit=200`);
    expect([name, status]).toEqual([name, 200]);
    all[name] = body.items;
  }
  return all;
}

test("who is counted where, and what is known of it", async () => {
  const count = async (name: string) => {
    const [row] = await system.control.sql<{ n: number }>(
      `select user_count::int as n from switchyard.databases where name = '${name}'`,
    );
    return row?.n ?? -1;
  };
  const contactsIn = async () => {
    const { databases: rows, keptCopies } = createAssignments(system.service);
    const limits = { clock: Date.now, limitMs: HANGS_MS };
    const found = await readStats({
      registry: system.registry,
      rows,
      keptCopies,
      collections: homeCollections,
      ...limits,
    });
    return [found.supabase.collections.contacts ?? -1, found.mongodb.collections.contacts ?? -1] as const;
  };
  const user = await system.user("supabase");
  const records = await contactsIn();
  for (const name of ["Ann", "Bob"])
    expect((await system.callerOf(user)("POST", "/contacts", { name })).status).toBe(201);
  expect(await contactsIn()).toEqual([records[0] + 2, records[1]]);
  const before = [await count("supabase"), await count("mongodb")] as const;
  await system.move(user.id, "mongodb");
  // the copy that is kept is nobody's
  expect(await contactsIn()).toEqual([records[0], records[1] + 2]);
  expect([await count("supabase"), await count("mongodb")]).toEqual([before[0] - 1, before[1] + 1]);
  const history = await system.control.sql(
    `select database_provider as home, epoch, event, reason from switchyard.assignment_history where user_id = '${user.id}' order by id`,
  );
  expect(history).toEqual([
    { home: "supabase", epoch: 1, event: "assigned", reason: expect.any(String) },
    { home: "supabase", epoch: 1, event: "released", reason: "moved" },
    { home: "mongodb", epoch: 2, event: "assigned", reason: "moved" },
  ]);
});

const pairs = () =>
  system.homes.flatMap((from) => system.homes.filter((to) => to !== from).map((to) => [from, to] as const));

test("between any two homes: the same records, versions, keys, tombstones and cursors", async () => {
  for (const [from, to] of pairs()) {
    const user = await system.user(from);
    const call = system.callerOf(user);
    const { ann, keyed, gone } = await fill(call);
    const before = await everything(call);
    const page = await call("GET", "/expenses?limit=2&sort=-amount");

    const moved = await system.move(user.id, to);
    expect([from, to, moved.state, moved.last_error]).toEqual([from, to, "kept", null]);
    expect(moved.detail.collections?.expenses).toMatchObject({ count: 4, deleted: 0, sums: { amount: "1000015.60" } });

    // with the token from before
    expect(await everything(call)).toEqual(before);
    expect((await call("GET", `/contacts/${ann.id}`)).headers.get("etag")).toBe(`"${ann.version}"`);
    const rest = await call(
      "GET",
      `/expenses?limit=2&sort=-amount&cursor=${encodeURIComponent(page.body.next_cursor)}`,
    );
    expect([...page.body.items, ...rest.body.items]).toHaveLength(4);
    const again = await call("POST", "/contacts", { name: "Bob" }, { "idempotency-key": "bob" });
    expect([again.status, again.body]).toEqual([201, keyed.body]);
    expect((await call("POST", "/contacts", { name: "Bo" }, { "idempotency-key": "bob" })).status).toBe(409);
    expect((await call("POST", "/contacts", { name: "Cid" }, { "idempotency-key": "cid" })).status).toBe(410);
    expect((await call("GET", `/contacts/${gone.body.id}`)).status).toBe(404);

    const changed = await call("PATCH", `/contacts/${ann.id}`, { note: "since" }, { "if-match": `"${ann.version}"` });
    expect([changed.status, changed.asked.at(-1)]).toEqual([200, to]);
    // what was changed since is in the new home alone
    const old = await system.registry.get(from)?.copy();
    const [row] = (await old?.read(user.id, contacts, [ann.id]))?.rows ?? [];
    expect([from, to, row?.record.version]).toEqual([from, to, ann.version]);
  }
});

describe("with writes under way", () => {
  test("none that was acknowledged is lost, and none is in the old home", async () => {
    const user = await system.user("mongodb");
    const call = system.callerOf(user);
    const made = new Set<string>();
    let isOver = false;
    const other = await system.instance();
    const under: Promise<unknown>[] = [];
    const writers = [call, callerOf(other, user)].map(async (write, writer) => {
      for (let at = 0; !isOver; at++) {
        const request = write("POST", "/contacts", { name: `c${at}` });
        under[writer] = request;
        const { status, body } = await request;
        if (status === 201) made.add(body.id);
        else expect([status, body.code]).toEqual([503, "busy"]);
      }
    });
    const there = await system.move(user.id, "supabase", { heard: () => Promise.all(under) });
    expect(there.state).toBe("kept");
    isOver = true;
    await Promise.all(writers);
    const read = new Set<string>();
    for (let cursor = ""; ; ) {
      const page = await call("GET", `/contacts?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      for (const { id } of page.body.items) read.add(id);
      if (!page.body.next_cursor) break;
      cursor = page.body.next_cursor;
    }
    expect([...made].filter((id) => !read.has(id))).toEqual([]);
    // and what the old home had last is what both were compared by
    const old = await system.registry.get("mongodb")?.copy();
    const { count = -1 } = there.detail.collections?.contacts ?? {};
    expect((await old?.measure(user.id, contacts))?.count).toBe(count);
  });
});
