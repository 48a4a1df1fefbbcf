import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { allCollections, collections } from "../../shared/collections/index.ts";
import { validate } from "../../shared/contract/validate.ts";
import { defineCollection, home, identityOf, owner, replicated } from "../../shared/definition/define.ts";
import { day, instant, money, name, text } from "../../shared/definition/fields.ts";
import { referencesFrom, referencesTo } from "../../shared/definition/references.ts";

describe("bodies", () => {
  test("every problem has a path, a code and a message", () => {
    const body = { amount: "x", currency: "EUR", date: "2026-02-30", tags: ["a", ""], more: 1, user_id: "x" };
    const { errors } = validate(collections.expenses.schemas.create, body)._unsafeUnwrapErr();
    const paths = errors?.map(({ field }) => field).sort();
    expect(paths).toEqual(["amount", "date", "more", "tags.1", "user_id"]);
    for (const error of errors ?? []) expect(error.message).toMatch(/\w+ \w+/);
  });

  test.each([
    ["what is missing", {}, "amount", "missing", "amount is missing."],
    ["what is missing, of a choice", { name: "x" }, "kind", "missing", "kind is missing."],
    [
      "a number for text",
      { amount: 5 },
      "amount",
      "invalid_type",
      "amount must be text, not a number. Write the number as a string, so that no digit is lost.",
    ],
    ["null for text", { name: null }, "name", "invalid_type", "name must be text, not null."],
    ["text for a flag", { archived: "yes" }, "archived", "invalid_type", "archived must be true or false, not text."],
    ["text for a list", { tags: "a" }, "tags", "invalid_type", "tags must be a list, not text."],
    ["a number in a list", { tags: [1] }, "tags.0", "invalid_type", "tags.0 must be text, not a number."],
    [
      "a day that does not exist",
      { date: "2026-02-30" },
      "date",
      "invalid_format",
      "There is no 2026-02-30 in the calendar.",
    ],
    ["a day in another order", { date: "30.02.2026" }, "date", "invalid_format", "Write the day as YYYY-MM-DD."],
  ])("%s is called that", (_, body, field, code, message) => {
    const collection = field === "kind" || field === "name" || field === "archived" ? "categories" : "expenses";
    const { errors } = validate(collections[collection].schemas.create as z.ZodType, body)._unsafeUnwrapErr();
    expect(errors?.find((error) => error.field === field)).toEqual({ field, code, message });
  });

  test("a time on a day that does not exist is told so", () => {
    const said = (value: string) => instant().schema.safeParse(value).error?.issues[0]?.message;
    expect(said("2026-02-30T00:00:00Z")).toBe("There is no 2026-02-30 in the calendar.");
    expect(said("2026-02-28T25:00:00Z")).toMatch(/^Write the time as/);
  });

  test("the document says what a loan's rate is", () => {
    for (const schema of Object.values(collections.loans.schemas))
      expect(JSON.stringify(z.toJSONSchema(schema, { io: "input" }))).toContain("percent per year");
  });

  test.each([null, undefined, 1, "x", [], true])("%j is no body", (body) =>
    expect(validate(collections.contacts.schemas.create, body).isErr()).toBe(true),
  );

  test("a body cannot reach the prototype", () => {
    const body = JSON.parse('{"name":"x","__proto__":{"note":"y"}}');
    const result = validate(collections.contacts.schemas.create, body);
    if (result.isOk()) expect(Object.getPrototypeOf(result.value)).toBe(Object.prototype);
    expect(({} as { note?: string }).note).toBeUndefined();
  });

  test("instants are read with any offset and written in UTC", () => {
    const { schema } = instant();
    expect(schema.parse("2026-01-01T00:30:00+01:00")).toBe("2025-12-31T23:30:00.000Z");
    for (const wrong of ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.1234Z", "0000-01-01T00:00:00Z"])
      expect(schema.safeParse(wrong).success).toBe(false);
    for (const end of ["0001-01-02T00:00:00.000Z", "9999-12-30T23:59:59.999Z"]) expect(schema.parse(end)).toBe(end);
    // in some time zone these are in another millennium, or before the first year
    for (const beyond of ["0001-01-01T23:59:59.999Z", "0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00Z"])
      expect(schema.safeParse(beyond).success).toBe(false);
  });

  test("days are days of the calendar", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 31 }),
        (y, m, d) => {
          const written = `${String(y).padStart(4, "0")}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`;
          const date = new Date(`${written}T00:00:00Z`);
          const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(written);
          expect(day().schema.safeParse(written).success).toBe(exists);
        },
      ),
    ));

  test("schemas become JSON Schema, for OpenAPI", () => {
    for (const { schemas } of allCollections)
      for (const schema of Object.values(schemas)) expect(() => z.toJSONSchema(schema, { io: "input" })).not.toThrow();
  });
});

describe("definitions", () => {
  const base = { name: "things", title: "thing", placement: home(), scope: owner() };

  test.each([
    ["a name that is no identifier", () => defineCollection({ ...base, name: "Things", fields: {} })],
    ["a field of the system", () => defineCollection({ ...base, fields: { version: text(5) } })],
    ["money without a currency", () => defineCollection({ ...base, fields: { amount: money() } })],
    ["a search field that is no text", () => defineCollection({ ...base, fields: { on: day() }, search: ["on"] })],
    [
      "a key over a field that is not there",
      () => defineCollection({ ...base, fields: { a: name() }, unique: [["b" as "a"]] }),
    ],
    [
      "a replica that is written to",
      () => defineCollection({ ...base, placement: replicated("supabase", "reads-and-writes"), fields: {} }),
    ],
  ])("%s is refused at import", (_, define) => expect(define).toThrow(/^collection /));

  test("a replicated collection has ids of its own, and an owner by any name", () => {
    for (const fallback of ["none", "reads"] as const) {
      const placement = replicated("supabase", fallback);
      const made = defineCollection({ ...base, placement, scope: owner("host_id"), fields: { a: name() } });
      expect(made.placement).toEqual({ kind: "replicated", primary: "supabase", fallback });
      expect(identityOf(made)).toEqual({ owner: "host_id", perOwner: false });
    }
  });

  test("parents come before the collections that refer to them, and every reference has a target", () => {
    const names = allCollections.map(({ name }) => name);
    for (const collection of allCollections)
      for (const { target } of referencesFrom(collection)) {
        expect(names).toContain(target);
        expect(names.indexOf(target)).toBeLessThan(names.indexOf(collection.name));
      }
    expect(referencesTo("categories", allCollections).map(({ collection }) => collection)).toEqual([
      "expenses",
      "incomes",
      "budgets",
    ]);
  });
});
