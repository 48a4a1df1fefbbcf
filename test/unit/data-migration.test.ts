/** A migration's functions and one record: what is a change, what is none, and what is refused. */
import { expect, test } from "vitest";
import { categories } from "../../shared/collections/categories.ts";
import { changeOf } from "../../shared/data-migrations/change.ts";
import { type DataMigration, defineDataMigration, isDataMigration } from "../../shared/definition/data-migration.ts";

const record = {
  ...{ id: crypto.randomUUID(), user_id: crypto.randomUUID(), version: 1, created_at: "", updated_at: "" },
  ...{ name: "Food", kind: "expense", color: null, icon: null, archived: null },
};
const upOf = (up: () => object | null, before?: () => string) =>
  changeOf({ collection: categories, up, ...(before && { before }) } as unknown as DataMigration, "up", record);

test("typed by the definition", () => {
  const migration = defineDataMigration({
    collection: categories,
    up: ({ kind, color }) => (kind === "expense" && color === null ? { kind: "income", color: "red" } : null),
    // @ts-expect-error there is no such kind
    down: ({ kind }) => (kind === "income" ? { kind: "incom" } : null),
    // @ts-expect-error there is no such field
    before: ({ colour }) => colour,
  });
  expect(isDataMigration(migration)).toBe(true);
  expect(isDataMigration({ ...migration })).toBe(true);
  expect(isDataMigration({ collection: categories, up: () => null })).toBe(false);
});

test("what contradicts itself is refused at import", () => {
  const given = { collection: categories, up: () => null };
  for (const batchSize of [0, 1.5, 1_001])
    expect(() => defineDataMigration({ ...given, batchSize })).toThrow("batchSize is a number from 1 to 1000");
  expect(() => defineDataMigration({ ...given, down: 1 as never })).toThrow("down has to be a function");
  expect(() => defineDataMigration({ collection: categories } as never)).toThrow("up has to be a function");
});

test("only what is another value is a change, as the contract spells it", () => {
  expect(upOf(() => null)).toEqual({ is: "none" });
  expect(upOf(() => ({ name: "Food", kind: "expense" }))).toEqual({ is: "none" });
  expect(upOf(() => ({ name: "Food", icon: "plate" }))).toEqual({ is: "change", fields: { icon: "plate" } });
  // an empty text is nothing
  expect(upOf(() => ({ icon: "" }))).toEqual({ is: "none" });
  // what a field has by default, a record from before it may lack
  expect(upOf(() => ({ archived: false }))).toEqual({ is: "change", fields: { archived: false } });
});

test.each([
  ["no field", () => ({ colour: "red" }) as never, "There is no field colour"],
  ["the system's", () => ({ version: 2 }) as never, "There is no field version"],
  ["no value", () => ({ kind: "none" }) as never, "up gives what the collection does not take: kind"],
  ["no object", () => 1 as never, "up gives what the collection does not take"],
  ["no end", ({ name }: { name: string }) => ({ name: `${name}!` }), "up of its own result changes name again"],
  [
    "an error",
    () => {
      throw new Error("no luck");
    },
    "up threw: no luck",
  ],
] as const)("refused: %s", (_, up, reason) => {
  expect(upOf(up as never)).toEqual({ is: "misfit", reason: expect.stringContaining(reason) });
});

test("before is asked only of what would change", () => {
  const before = () => "not this one";
  expect(upOf(() => null, before)).toEqual({ is: "none" });
  expect(upOf(() => ({ icon: "plate" }), before)).toEqual({ is: "misfit", reason: "before: not this one" });
});
