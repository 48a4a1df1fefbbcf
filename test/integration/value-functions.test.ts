/** What a value is, says shared/values: Postgres has to say the same. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { valueFunctionsSql } from "../../shared/postgres/schema/value-functions-sql.ts";
import { isEmail, isVisible } from "../../shared/values/characters.ts";
import { CURRENCIES } from "../../shared/values/currencies.ts";
import { parseJson, readJson } from "../../shared/values/json.ts";
import { jsonTexts, NUMBERS, nested, TOO_MUCH } from "../setup/json-values.ts";
import { ADDRESSES, BLANKS, NO_ADDRESSES } from "../setup/odd-texts.ts";
import { openSql, type RawSql } from "./sql.ts";

let database: RawSql;
beforeAll(async () => {
  database = await openSql();
});
afterAll(() => database.close());

test("the migrated functions are those that the code prints", async () => {
  const bodies = () =>
    database.sql(
      `select pg_get_functiondef(p.oid) as definition from pg_proc p
       where p.pronamespace = 'switchyard'::regnamespace and p.proname = any ($1) order by 1`,
      [["is_text", "is_email", "are_tags", "currency_decimals", "currency_end", "fits_currency", "is_json"]],
    );
  const migrated = await bodies();
  expect(migrated).toHaveLength(7);
  await database.script(valueFunctionsSql());
  expect(await bodies()).toEqual(migrated);
});

test("every currency has the decimals and the end of the list", async () => {
  const codes = [...CURRENCIES.keys(), "XXX", "ZZZ", "eur"];
  const rows = await database.sql(
    `select c as code, switchyard.currency_decimals(c) as decimals, switchyard.currency_end(c)::text as until
     from unnest($1::text[]) c`,
    [codes],
  );
  const listed = (code: string) => {
    const { decimals = null, until = null } = CURRENCIES.get(code) ?? {};
    return { code, decimals, until };
  };
  expect(rows).toEqual(codes.map(listed));
});

test("addresses are those that the API takes", async () => {
  const texts = [...ADDRESSES, ...NO_ADDRESSES];
  const rows = await database.sql<{ is: boolean }>(`select switchyard.is_email(t) as is from unnest($1::text[]) t`, [
    texts,
  ]);
  expect(rows.map(({ is }, index) => [texts[index], is])).toEqual(texts.map((text) => [text, isEmail(text)]));
  expect(texts.map(isEmail)).toEqual([...ADDRESSES.map(() => true), ...NO_ADDRESSES.map(() => false)]);
});

test("JSON is what the API takes, to the byte and the digit", async () => {
  const drawn = fc.sample(jsonTexts, 300).filter((text) => parseJson(text) !== null);
  // what is no number to Postgres never gets there
  const tooMuch = TOO_MUCH.filter((text) => !/e\d{6}/.test(text));
  const numbers = [...NUMBERS, ...tooMuch].flatMap((text) => [text, `[{"a":${text}}]`]);
  const texts = [...drawn, ...numbers, "{}", nested(49), nested(50), `{"a":${nested(48)}}`, `{"a":${nested(49)}}`];
  // their lengths, and one byte less
  const cases = texts.flatMap((text) => {
    const value = parseJson(text);
    let [low, high] = [1, 100_000];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ("value" in readJson(value, middle)) high = middle;
      else low = middle + 1;
    }
    return [low, low - 1, 65_536].map((bytes) => ({ text, bytes, is: "value" in readJson(value, bytes) }));
  });
  const rows = await database.sql<{ is: boolean }>(
    `select switchyard.is_json(t::jsonb, b) as is from unnest($1::text[], $2::int[]) with ordinality as c(t, b, i) order by i`,
    // spelt as the API writes it: Postgres counts the zeros of 1.00, too
    [cases.map(({ text }) => JSON.stringify(parseJson(text))), cases.map(({ bytes }) => bytes)],
  );
  expect(rows.map(({ is }, at) => ({ ...cases[at], is }))).toEqual(cases);
  expect(await database.sql("select switchyard.is_json('null', 99) as is")).toEqual([{ is: false }]);
});

test("every character of the first two planes is trimmed and seen alike", async () => {
  const characters: string[] = [];
  for (let code = 1; code < 0x20_000; code++)
    if (code < 0xd800 || code > 0xdfff) characters.push(String.fromCodePoint(code));
  const rows = await database.sql<{ edge: string; middle: string }>(
    `select string_agg(switchyard.is_text('a' || c, 1, 9)::int::text, '' order by i) as edge,
       string_agg(switchyard.is_text(c, 1, 9)::int::text, '' order by i) as middle
     from unnest($1::text[]) with ordinality as t(c, i)`,
    [characters],
  );
  const bits = (test: (character: string) => boolean) => characters.map((each) => Number(test(each))).join("");
  expect(rows[0]?.edge === bits((each) => each.trim() === each)).toBe(true);
  expect(rows[0]?.middle === bits((each) => each.trim() === each && isVisible(each))).toBe(true);
  for (const blank of BLANKS) expect([blank, isVisible(blank)]).toEqual([blank, false]);
});
