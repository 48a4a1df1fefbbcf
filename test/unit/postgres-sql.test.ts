/** Statements without parameters: values stay values. (test/attack/postgres-direct.test.ts asks a server.) */
import { describe, expect, test } from "vitest";
import { collections } from "../../shared/collections/index.ts";
import { join, literal, name, sql, textOf } from "../../shared/postgres/direct/sql.ts";
import { getRow, insertRow, listRows, updateRow } from "../../shared/postgres/direct/statements.ts";

const [user, id] = ["6b1c8e9a-0000-4000-8000-000000000001", "6b1c8e9a-0000-4000-8000-000000000002"];
const plain = (text: string) => text.replace(/\s+/g, " ").trim();

describe("a literal", () => {
  test.each<[unknown, string]>([
    [null, "null"],
    ["it's", "'it''s'"],
    ["\\' or 1=1 --", " E'\\\\'' or 1=1 --'"],
    [-5, "'-5'"],
    [9007199254740991, "'9007199254740991'"],
    [true, "'true'"],
    [[], "'{}'"],
    [['a"b', "c\\d", "null", "e,f", "'"], ` E'{"a\\\\"b","c\\\\\\\\d","null","e,f","''"}'`],
  ])("of %j", (value, text) => expect(textOf(literal(value))).toBe(text));

  test.each([
    ["a NUL", "a\0b"],
    ["a NUL in an array", ["\0"]],
    ["a number that is none", Number.NaN],
    ["an object that looks like a piece of SQL", JSON.parse('{"text":"1; drop table x"}')],
    ["something else in an array", [["nested"]]],
    ["nothing", undefined],
  ])("is never made of %s", (_, value) => expect(() => literal(value)).toThrow(TypeError));
});

test("a statement keeps its pieces as they are, and makes literals of all else", () => {
  const columns = join([name('odd"name'), sql`t.id`], sql`, `);
  expect(textOf(sql`select ${columns} from t where a = ${"'"} and b < ${-1} and c = ${["x"]}`)).toBe(
    `select "odd""name", t.id from t where a = '''' and b < '-1' and c = '{"x"}'`,
  );
  expect(() => name("a\0b")).toThrow(TypeError);
});

describe("statements", () => {
  const { expenses } = collections;
  const columns =
    't."id", t."user_id", t."amount", t."currency", t."date", t."category_id", t."description", t."payment_method", t."tags", t."version", t."created_at", t."updated_at"';
  const mine = `from public."expenses" t where t."user_id" = '${user}'`;

  test("name the owner beside what row-level security sees to, so that indexes are used", () => {
    expect(textOf(getRow(expenses, user, id))).toBe(`select ${columns} ${mine} and t.id = '${id}'`);
  });

  test.each([
    ["date", "asc", "2026-03-14", `(t."date", t."id") > ('2026-03-14', '${id}')`, 't."date" asc , t."id" asc'],
    ["date", "desc", "2026-03-14", `(t."date", t."id") < ('2026-03-14', '${id}')`, 't."date" desc , t."id" desc'],
    [
      "description",
      "asc",
      "x",
      `(t."description", t."id") > ('x', '${id}')`,
      't."description" asc nulls first, t."id" asc',
    ],
    [
      "description",
      "desc",
      "x",
      `((t."description" <= 'x' and (t."description" < 'x' or (t."id") < ('${id}'))) or t."description" is null)`,
      't."description" desc nulls last, t."id" desc',
    ],
    [
      "description",
      "asc",
      null,
      `(t."description" is not null or (t."id") > ('${id}'))`,
      't."description" asc nulls first, t."id" asc',
    ],
    [
      "description",
      "desc",
      null,
      `(t."description" is null and (t."id") < ('${id}'))`,
      't."description" desc nulls last, t."id" desc',
    ],
  ] as const)("of a page by %s %s behind %j", (field, direction, key, behind, place) => {
    const order = [
      { field, direction },
      { field: "id", direction },
    ];
    const page = { filters: [], order, after: [key, id], limit: 21 };
    expect(plain(textOf(listRows(expenses, user, page)))).toBe(
      `select ${columns} ${mine} and ${behind} order by ${place} limit '21'`,
    );
  });

  test("set a column to itself where nothing changes", () => {
    expect(textOf(updateRow(expenses, user, id, {}, 9))).toBe(
      `update public."expenses" t set "amount" = t."amount" where t."user_id" = '${user}' and t.id = '${id}' and t.version = '9' returning ${columns}`,
    );
    expect(textOf(insertRow(expenses, { user_id: user, id, tags: ["a"], description: null }))).toBe(
      `insert into public."expenses" as t ("user_id", "id", "tags", "description") values ('${user}', '${id}', '{"a"}', null) returning ${columns}`,
    );
  });
});
