/** Addresses of pages and files: what the definition takes, Postgres takes, and what has no address in it, neither. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isWebAddress } from "../../shared/values/characters.ts";
import { openSql, type RawSql } from "./sql.ts";

let database: RawSql;
beforeAll(async () => {
  database = await openSql();
});
afterAll(() => database.close());

test("are the same to both", async () => {
  const pieces = fc.constantFrom(
    "http",
    "HTTPS",
    ":",
    "/",
    "//",
    "?",
    "#",
    " ",
    "\t",
    "\u00a0",
    "\u2003",
    "ä",
    "x",
    "%",
    '"',
    "\\",
    "{",
    "😀",
    "\n",
  );
  const texts = fc.sample(
    fc
      .tuple(fc.constantFrom("https://", "http://", "ftp://", ""), fc.array(pieces, { maxLength: 8 }))
      .map(([head, rest]) => head + rest.join("")),
    2_000,
  );
  const rows = await database.sql<{ text: string; fits: boolean }>(
    "select t as text, switchyard.is_web_address(t) as fits from unnest($1::text[]) t",
    [texts],
  );
  expect(rows.some(({ fits }) => fits) && rows.some(({ fits }) => !fits)).toBe(true);
  expect(rows.filter(({ text, fits }) => isWebAddress(text) !== (fits && URL.canParse(text)))).toEqual([]);
});
