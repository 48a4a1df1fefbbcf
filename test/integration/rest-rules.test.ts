/** A user's own token writes the tables themselves, through Supabase's REST: what the API refuses, the tables refuse. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { userClient } from "../../shared/postgres/client.ts";
import type { Owner } from "../contract/store.ts";
import { any, type Body, byName, create } from "../contract/suite/samples.ts";
import { BLANKS, NO_ADDRESSES } from "../setup/odd-texts.ts";
import { postgresRepositories } from "../setup/repositories.ts";
import { startTestSupabase } from "../setup/supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let client: ReturnType<typeof userClient>;
let owner: Owner;
/** by name: records that a bad row may refer to */
const ids: Record<string, string> = {};

beforeAll(async () => {
  supabase = await startTestSupabase();
  const { id: userId, jwt } = await newUser({ home: "supabase", on: supabase });
  client = userClient({ SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey }, jwt);
  owner = { userId, repository: postgresRepositories({ client, userId }).repository };
  for (const kind of ["expense", "income"]) ids[kind] = (await create(owner, "categories", { kind })).id;
  ids.contact = (await create(owner, "contacts")).id;
  ids.yen = (await create(owner, "loans", { contact_id: ids.contact, currency: "JPY", amount: "1000" })).id;
  await create(owner, "loan_payments", { loan_id: ids.yen });
  await create(owner, "expenses", { category_id: ids.expense });
});
afterAll(() => supabase?.stop());

/** Rows that are fine, one for each table; what is bad is put over them. */
const fine = (name: string): Body =>
  ({
    categories: { name: "Food", kind: "expense" },
    expenses: { amount: "12.50", currency: "EUR", date: "2026-03-14" },
    incomes: { amount: "12.50", currency: "EUR", date: "2026-03-14" },
    budgets: { name: "All", amount: "400", currency: "EUR", period: "monthly", starts_on: "2026-01-01" },
    contacts: { name: "Mina" },
    loans: { contact_id: ids.contact, direction: "lent", amount: "100", currency: "EUR", date: "2026-02-02" },
    loan_payments: { loan_id: ids.yen, amount: "10", date: "2026-02-12" },
  })[name] ?? {};

const bad: [table: string, row: () => Body][] = [
  ...BLANKS.map((name): [string, () => Body] => ["categories", () => ({ name })]),
  ...[" x", "x\n", "\u3000x", "x".repeat(201)].map((name): [string, () => Body] => ["contacts", () => ({ name })]),
  ...BLANKS.map((note): [string, () => Body] => ["contacts", () => ({ note })]),
  ...NO_ADDRESSES.map((email): [string, () => Body] => ["contacts", () => ({ email })]),
  ...["ZZZ", "XXX", "eur", "EU", ""].map((currency): [string, () => Body] => ["expenses", () => ({ currency })]),
  ...["0", "NaN", "12.505"].map((amount): [string, () => Body] => ["expenses", () => ({ amount })]),
  ["expenses", () => ({ currency: "JPY", amount: "1.5" })],
  ["expenses", () => ({ currency: "DEM" })],
  ["expenses", () => ({ tags: [" a"] })],
  ["expenses", () => ({ tags: ["a", "a"] })],
  ["expenses", () => ({ tags: ["\u3164"] })],
  ["expenses", () => ({ category_id: ids.income })],
  ["incomes", () => ({ category_id: ids.expense })],
  ["incomes", () => ({ amount: "0.00" })],
  ["budgets", () => ({ category_id: ids.income })],
  ["budgets", () => ({ amount: "-1" })],
  ["budgets", () => ({ ends_on: "2025-12-31" })],
  ["loans", () => ({ due_on: "2026-02-01" })],
  ["loans", () => ({ amount: "-1" })],
  ["loan_payments", () => ({ amount: "0.5" })],
];

describe("what the tables refuse of their owner", () => {
  test.each(bad)("%s: a bad row, inserted and updated (%#)", async (name, row) => {
    const own = { ...fine(name), user_id: owner.userId };
    const id = crypto.randomUUID();
    expect((await client.from(name).insert({ ...own, id })).error).toBeNull();
    const kept = () => client.from(name).select("*").order("id");
    const { data: before } = await kept();
    expect((await client.from(name).insert({ ...own, ...row(), id: crypto.randomUUID() })).error).not.toBeNull();
    expect((await client.from(name).update(row()).eq("id", id)).error).not.toBeNull();
    expect((await kept()).data).toEqual(before);
    // and the API refuses it as well: the table is not stricter than the definition, nor the other way round
    const api = await any(owner, name).update(id, row());
    const trimmed = byName(name).schemas.patch.safeParse(row());
    if (api.isErr()) expect(["invalid_input", "invalid_reference"]).toContain(api.error.code);
    else expect(trimmed.data).not.toEqual(row());
    expect((await client.from(name).delete().eq("id", id)).error).toBeNull();
  });

  test.each([
    ["categories", () => ids.expense, { kind: "income" }],
    ["loans", () => ids.yen, { currency: "KWD" }],
  ] as const)("%s: what others rely on", async (name, id, change) => {
    const record = () =>
      client
        .from(name)
        .select("*")
        .eq("id", id() ?? "");
    const { data: before } = await record();
    expect(
      (
        await client
          .from(name)
          .update(change)
          .eq("id", id() ?? "")
      ).error,
    ).not.toBeNull();
    expect((await record()).data).toEqual(before);
  });
});

test("what the API takes may be written: an ended currency in its day, what came back, letters of all the world", async () => {
  const rows: [string, Body][] = [
    ["expenses", { amount: "-12.50", currency: "DEM", date: "2001-12-31", category_id: ids.expense, tags: ["a", "b"] }],
    ["expenses", { amount: "1500", currency: "JPY" }],
    ["incomes", { amount: "-1.125", currency: "KWD", category_id: ids.income }],
    ["contacts", { name: "सीता", email: "अजय@डाटा.भारत", note: "a\n\u200bb" }],
    ["loans", { due_on: "2026-02-02" }],
    ["loan_payments", { amount: "11.00" }],
  ];
  for (const [name, row] of rows) {
    const id = crypto.randomUUID();
    const { error } = await client.from(name).insert({ ...fine(name), ...row, user_id: owner.userId, id });
    expect([name, error]).toEqual([name, null]);
    expect((await any(owner, name).get(id)).isOk()).toBe(true);
  }
});
