/** The field kind `json()`: what a definition may do with it, and what follows from it. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parseQuery } from "../../shared/contract/parse-query.ts";
import { validate } from "../../shared/contract/validate.ts";
import { type Collection, defineCollection, home, owner } from "../../shared/definition/define.ts";
import { json, name, optional, withDefault } from "../../shared/definition/fields.ts";
import { indexesOf } from "../../shared/mongo/indexes.ts";
import { validatorOf } from "../../shared/mongo/validator.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { jsonText, parseJson } from "../../shared/values/json.ts";
import { nested } from "../setup/json-values.ts";

const base = { name: "parcels", title: "parcel", placement: home(), scope: owner() };
const parcels = defineCollection({
  ...base,
  fields: {
    name: name(),
    content: json(),
    details: optional(json({ maxBytes: 10 })),
    // as somebody has written it, in no order
    labels: withDefault(json(), parseJson('{"b":1.0,"a":"it\'s"}') as never),
  },
});
const { create, patch, record } = parcels.schemas as Record<string, z.ZodType>;
const faults = (schema: z.ZodType, body: unknown) =>
  validate(schema, body)
    ._unsafeUnwrapErr()
    .errors?.map(({ field, code, message }) => [field, code, message]);

describe("bodies", () => {
  test("have values of any type, in their one spelling", () => {
    const content = parseJson('{"b":[1.50,12345678901234567890],"a":null}');
    const made = validate(create as z.ZodType, { name: "x", content })._unsafeUnwrap() as Record<string, never>;
    expect(jsonText(made.content as never)).toBe('{"a":null,"b":[1.5,12345678901234567890]}');
    expect(made.details).toBe(null);
    expect(jsonText(made.labels as never)).toBe('{"a":"it\'s","b":1}');
    for (const value of [false, 0, "", [], {}]) {
      expect(validate(create as z.ZodType, { name: "x", content: value, details: value }).isOk()).toBe(true);
      // an empty text is a value here, and stands for nothing else
      expect(validate(patch as z.ZodType, { details: value })._unsafeUnwrap()).toEqual({ details: value });
    }
    expect(validate(patch as z.ZodType, { details: null })._unsafeUnwrap()).toEqual({ details: null });
  });

  test("that do not fit are told how", () => {
    expect(faults(create as z.ZodType, { name: "x" })).toEqual([["content", "missing", "content is missing."]]);
    expect(faults(create as z.ZodType, { name: "x", content: null })).toEqual([
      ["content", "invalid_type", "content must be a JSON value, not null."],
    ]);
    expect(faults(patch as z.ZodType, { content: JSON.parse(nested(100_000)), details: "123456789" })).toEqual([
      ["content", "too_deep", "At most 49 levels of lists and objects, one in another."],
      ["details", "too_large", "At most 10 bytes of JSON, its numbers written without exponents."],
    ]);
    expect(faults(patch as z.ZodType, { content: [parseJson("1e9999")] })).toEqual([
      ["content", "inexact_number", expect.stringMatching(/34 digits.*: 1e\+9999 could not be kept exactly/)],
    ]);
    expect(faults(patch as z.ZodType, { content: { a: "\0" } })?.[0]?.[1]).toBe("invalid_text");
  });

  test("of records show what a wider bound has let in", () =>
    expect((record as z.ZodObject).shape.details?.safeParse("123456789").success).toBe(true));

  test("are documented", () => {
    const shown = JSON.stringify(z.toJSONSchema(create as z.ZodType, { io: "input" }));
    expect(shown).toContain(
      '"content":{"description":"any JSON value but null","type":["object","array","string","number","boolean"]}',
    );
    expect(shown).toContain('"required":["name","content"]');
  });
});

describe("queries", () => {
  const errorsOf = (kind: "list" | "summary", query: string) =>
    parseQuery(kind, parcels as Collection, new URLSearchParams(query))._unsafeUnwrapErr().errors;

  test("ask only whether there is something", () => {
    const { filters } = parseQuery(
      "list",
      parcels as Collection,
      new URLSearchParams("details[null]=true"),
    )._unsafeUnwrap();
    expect(filters).toEqual([{ field: "details", operator: "null", value: true }]);
    expect(errorsOf("list", "details=5")).toMatchObject([
      { field: "details", code: "unknown_operator", message: "Filter details with details[null]=." },
    ]);
    expect(errorsOf("list", "content[null]=true")).toMatchObject([
      { field: "content[null]", code: "unknown_operator", message: "There is no filter on content." },
    ]);
  });

  test("neither sort nor group by it", () => {
    expect(parcels.sorts).toEqual(["name", "created_at"]);
    expect(errorsOf("list", "sort=content")).toMatchObject([{ field: "sort", code: "unknown_field" }]);
    expect(errorsOf("summary", "by=content")).toMatchObject([{ field: "by", code: "unknown_field" }]);
  });
});

describe("definitions", () => {
  const defined = (more: object) => () => defineCollection({ ...base, fields: { data: json() }, ...more });
  test.each([
    ["unique", { unique: [["data"]] }],
    ["searched", { search: ["data"] }],
    ["fixed while it is referred to", { fixedWhileReferenced: ["data"] }],
  ])("it cannot be %s", (_, more) => expect(defined(more)).toThrow(/^collection parcels: .*data/));

  test("a default has to fit", () => expect(() => withDefault(json({ maxBytes: 5 }), "12345")).toThrow());
});

test("the table holds the rules of it", () => {
  const sql = collectionSql(parcels as unknown as Collection, []);
  expect(sql).toContain("content jsonb not null check (switchyard.is_json(content, 65536))");
  expect(sql).toContain("details jsonb check (switchyard.is_json(details, 10))");
  expect(sql).toContain(`labels jsonb not null default '{"a":"it''s","b":1}' check`);
  expect(sql).not.toContain("content_idx");
});

test("the documents of MongoDB have any of its types, and no index", () => {
  const { properties } = validatorOf(parcels as unknown as Collection).$or[1].$jsonSchema;
  const types = ["object", "array", "string", "bool", "int", "long", "double", "decimal"];
  expect(properties.content).toEqual({ bsonType: types });
  expect(properties.details).toEqual({ bsonType: [...types, "null"] });
  expect(JSON.stringify(indexesOf(parcels as unknown as Collection))).not.toMatch(/content|details|labels/);
});
