/** Postgres folds as JavaScript does: every character that has been assigned, and texts of all of them. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fold } from "../../shared/values/fold.ts";
import { isStorable } from "../../shared/values/text.ts";
import { partOf } from "../setup/effort.ts";
import { openSql, type RawSql } from "./sql.ts";

let database: RawSql;
beforeAll(async () => {
  database = await openSql();
});
afterAll(() => database.close());

/** What Unicode 15 to 17 have added that decomposes: Postgres 15 has version 14. */
const NEWER = /[\u{1e030}-\u{1e06d}\u{105c9}\u{105e4}\u{1ccd6}-\u{1ccf9}\u{a7f1}]/u;
/** Nothing happens to these, and they are most of all code points; some of each are among the others. */
const ALIKE =
  /[\u{3500}-\u{4cff}\u{5000}-\u{9eff}\u{ad00}-\u{d600}\p{Co}\u{17000}-\u{187ff}\u{20100}-\u{2f7ff}\u{30000}-\u{33fff}]/u;

function* letters(): Generator<string> {
  for (let code = 1; code <= 0x10ffff; code++) {
    if (code === 0xd800) code = 0xe000;
    const letter = String.fromCodePoint(code);
    if (/\p{Assigned}/u.test(letter) && !NEWER.test(letter) && !ALIKE.test(letter)) yield letter;
  }
}

const foldedBy = async (texts: readonly string[], length: number): Promise<string[]> => {
  const rows = await database.sql<{ folded: string[] }>(
    `select array_agg(switchyard.fold(t.text, $2::int) order by t.n) as folded
     from json_array_elements_text($1::json) with ordinality t(text, n)`,
    [JSON.stringify(texts), length],
  );
  return rows[0]?.folded ?? [];
};

test("each character by itself, between others", async () => {
  // many to a call: what a call costs is mostly the call
  const lines: string[] = [];
  let line = "";
  for (const letter of letters()) {
    line += `A${letter}b|`;
    if (line.length > 2_000) {
      lines.push(line);
      line = "";
    }
  }
  lines.push(line);
  expect(lines.length).toBeGreaterThan(50);
  const folded = await foldedBy(lines, 100_000);
  const differing = lines.flatMap((text, at) => {
    const [ours, theirs] = [fold(text).split("|"), (folded[at] ?? "").split("|")];
    return ours.flatMap((own, place) => (own === theirs[place] ? [] : [[text.split("|")[place], own, theirs[place]]]));
  });
  expect(differing).toEqual([]);
});

test("any text, cut at any length", async () => {
  const unit = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
  const text = unit.filter((value) => isStorable(value) && !NEWER.test(value));
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 50 }), fc.nat(12), async (texts, length) => {
      expect(await foldedBy(texts, length)).toEqual(texts.map((each) => fold(each, length)));
    }),
    { numRuns: partOf(30, 5) },
  );
});

test("nothing of nothing, and what is nothing but white space and marks", async () => {
  expect(await foldedBy(["", " \t\u00a0\u2029", "\u0301"], 10)).toEqual(["", "", ""]);
  expect(await database.sql("select switchyard.fold(null, 10) as folded")).toEqual([{ folded: null }]);
});
