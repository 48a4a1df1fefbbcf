import { describe, expect, test } from "vitest";
import { collections, sharedCollections, tableCollections } from "../../shared/collections/index.ts";
import { type Collection, defineCollection, home, owner, pinned } from "../../shared/definition/define.ts";
import {
  currency,
  type Fields,
  money,
  name,
  oneOf,
  reference,
  text,
  withDefault,
} from "../../shared/definition/fields.ts";
import { CONTROL_ONLY } from "../../shared/postgres/prepare-data-plane.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";

const define = (fields: Fields, more: object = {}): Collection =>
  defineCollection({
    name: "things",
    title: "thing",
    placement: home(),
    scope: owner(),
    fields,
    ...more,
  }) as unknown as Collection;

test("every collection prints the same SQL twice, and names its table, policy and grants", () => {
  for (const collection of tableCollections) {
    const sql = collectionSql(collection, tableCollections);
    expect(collectionSql(collection, tableCollections)).toBe(sql);
    expect(sql).toContain(`create table public.${collection.name} (`);
    expect(sql).toContain(`revoke all on public.${collection.name} from public, anon, authenticated, service_role;`);
    expect(sql).not.toMatch(/undefined|\[object/);
  }
});

test("what has a copy, and what people share, is Supabase's alone: no other Postgres has what it calls", () => {
  const isOfControl = (collection: Collection) => collectionSql(collection, tableCollections).startsWith(CONTROL_ONLY);
  for (const collection of tableCollections)
    expect([collection.name, isOfControl(collection)]).toEqual([
      collection.name,
      collection.placement.kind === "replicated" || Object.hasOwn(sharedCollections, collection.name),
    ]);
});

test("what users may not do has neither a grant nor a policy, and is not counted as theirs", () => {
  const sql = collectionSql(define({ title: name() }, { usersMay: ["update"] }), []);
  expect(sql).toContain("grant select on public.things to authenticated;");
  expect(sql).toContain("grant update (title)");
  expect(sql).toContain("create policy things_update");
  expect(sql).not.toMatch(/grant (insert|delete)[^;]*authenticated|things_(insert|delete)|count_usage/);
});

test("a unique key of no fields is one record per owner", () => {
  const sql = collectionSql(define({ title: name() }, { unique: [[]] }), []);
  expect(sql).toContain("create unique index things_key on public.things (user_id);");
});

test("quotes in values are doubled", () => {
  const sql = collectionSql(define({ size: withDefault(oneOf("it's", "x"), "it's") }), []);
  expect(sql).toContain(`default 'it''s' check (size in ('it''s', 'x'))`);
});

test("text that is too long for an index has none", () => {
  const sql = collectionSql(define({ title: name(), body: text(2000) }), []);
  expect(sql).toContain("things_title_idx");
  expect(sql).not.toContain("things_body_idx");
});

describe("a definition that has no table is refused, with the reason", () => {
  test.each<[string, Collection, RegExp]>([
    [
      "a reference to records kept elsewhere",
      define({ x_id: reference("loans") }, { placement: pinned("x") }),
      /loans/,
    ],
    ["a reference to nowhere", define({ x_id: reference("missing") }), /refers to missing/],
    ["a unique text that is too long", define({ body: text(2000) }, { unique: [["body"]] }), /too long to be unique/],
    ["a name that is too long", define({ [`f${"x".repeat(40)}`]: name() }, { name: `t${"x".repeat(40)}` }), /too long/],
  ])("%s", (_, collection, message) => {
    expect(() => collectionSql(collection, [collection, ...Object.values(collections)] as never)).toThrow(message);
  });
});

test("money in another collection's currency needs no column of its own", () => {
  const sql = collectionSql(define({ amount: money(), currency: currency() }), []);
  expect(sql).toContain("currency_decimals(currency) is not null");
  expect(collectionSql(collections.loan_payments as unknown as Collection, tableCollections)).not.toContain(
    "  currency ",
  );
});
