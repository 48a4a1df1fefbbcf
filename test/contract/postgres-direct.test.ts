import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { SITES } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { startOwn } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";
import { type DirectStore, postgresDirectStore } from "./postgres-direct-store.ts";
import { type Owner, outcome, value } from "./store.ts";
import { contract } from "./suite/index.ts";

let store: DirectStore;
beforeAll(async () => {
  const supabase = await startOwn({ passwordCost: 4 });
  store = postgresDirectStore({
    site: SITES.supabase,
    url: servers().dbUrl,
    newUser: () => newUser({ home: "supabase", on: supabase }),
    sql: supabase.sql,
    stop: supabase.stop,
  });
});
afterAll(() => store?.close());

describe("the contract on Supabase without REST", () => contract(() => store));

describe("round trips", () => {
  const spent = { amount: "1", currency: "EUR", date: "2026-03-14" };
  const nothing = crypto.randomUUID();
  let owner: Owner;
  beforeAll(async () => {
    owner = await store.newOwner();
  });
  const expenses = () => owner.repository(collections.expenses);
  const categories = () => owner.repository(collections.categories);

  type Made = { id: string; version: number; category_id: string | null };
  type Call = (made: Made) => Promise<Parameters<typeof outcome>[0]>;
  // what plain SQL cannot say the reason of takes a second one
  const calls: [string, number, string, Call][] = [
    ["create", 1, "ok", () => expenses().create(spent)],
    ["create with a key", 1, "ok", () => expenses().create(spent, { idempotencyHash: "a" })],
    [
      "create with a key again",
      2,
      "idempotency_mismatch",
      ({ id }) => expenses().create({ ...spent, id }, { idempotencyHash: "b" }),
    ],
    ["create what is there", 1, "duplicate", ({ id }) => expenses().create({ ...spent, id })],
    [
      "create with a reference to nothing",
      2,
      "invalid_reference",
      () => expenses().create({ ...spent, category_id: nothing }),
    ],
    ["get", 1, "ok", ({ id }) => expenses().get(id)],
    ["get of nothing", 1, "not_found", () => expenses().get(nothing)],
    [
      "list",
      1,
      "ok",
      () => expenses().list({ filters: [], q: "x", sort: { field: "date", direction: "asc" }, limit: 5 }),
    ],
    ["update", 1, "ok", ({ id, version }) => expenses().update(id, { description: "x" }, { expectedVersion: version })],
    ["update of nothing", 1, "not_found", () => expenses().update(nothing, {})],
    ["update of another version", 2, "version_mismatch", ({ id }) => expenses().update(id, {}, { expectedVersion: 9 })],
    ["update with a version of nothing", 2, "not_found", () => expenses().update(nothing, {}, { expectedVersion: 9 })],
    [
      "update to a reference to nothing",
      2,
      "invalid_reference",
      ({ id }) => expenses().update(id, { category_id: nothing }),
    ],
    ["count", 1, "ok", () => expenses().count({ filters: [] })],
    ["summarize", 1, "ok", () => expenses().summarize({ filters: [], by: "month" })],
    ["delete", 1, "ok", ({ id }) => expenses().delete(id)],
    ["delete of nothing", 1, "not_found", () => expenses().delete(nothing)],
    ["delete of another version", 2, "version_mismatch", ({ id }) => expenses().delete(id, { expectedVersion: 9 })],
    // and one for each field that may lead there, to say which do
    ["delete of what others refer to", 4, "referenced", ({ category_id }) => categories().delete(String(category_id))],
  ];
  test.each(calls)("%s: %i", async (_, trips, expected, call) => {
    const { id } = value(await categories().create({ name: crypto.randomUUID(), kind: "expense" }));
    const made = value(await expenses().create({ ...spent, category_id: id }, { idempotencyHash: "a" }));
    const before = store.trips();
    expect(outcome(await call(made))).toBe(expected);
    expect(store.trips() - before).toBe(trips);
  });
});
