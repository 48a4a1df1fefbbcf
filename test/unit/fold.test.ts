/** Folding in JavaScript; test/integration/fold.test.ts compares it with Postgres. */
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldSql } from "../../shared/postgres/schema/fold-sql.ts";
import { FOLDED_SCRIPTS } from "../../shared/values/case-folding.ts";
import { fold } from "../../shared/values/fold.ts";
import { codePoints } from "../../shared/values/text.ts";

test.each([
  ["Straße", "STRASSE"],
  ["\u1E9E", "ss"],
  ["ﬁn", "FIN"],
  ["ΟΔΟΣ", "οδος"],
  ["ς", "Σ"],
  ["e\u0301", "É"],
  ["crème brûlée", "CREME BRULEE"],
  ["İnş", "ins"],
  ["ısı", "ISI"],
  ["Ⅳ", "iv"],
  ["ｗｉｄｅ", "WIDE"],
  ["ŉ", "ʼN"],
  ["ᾅδης", "ΑΔΗΣ"],
  ["한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"],
  ["a \t\r\n\u00a0\u2003\u3000b", "A B"],
  [" a ", "a"],
])("%s folds like %s", (a, b) => expect(fold(a)).toBe(fold(b)));

test.each([
  ["かき", "がぎ"],
  ["はは", "ぱぱ"],
  ["ﾊ", "ﾊﾟ"],
  ["ø", "o"],
  ["abc", "a bc"],
])("%s does not fold like %s", (a, b) => expect(fold(a)).not.toBe(fold(b)));

test.each(["", " ", "\t\n", "\u0301", " \u0308\u00a0"])("of %j nothing is left", (text) => expect(fold(text)).toBe(""));

/** Upper case writes the iota subscript beside its letter, and folding takes it away with the accents. */
const SUBSCRIPT = /\u0345/;
/** Most code points, with neither case nor accents. */
const PLAIN = /[\p{Cn}\p{Co}\p{Unified_Ideograph}\p{Script=Hangul}\p{Script=Tangut}]/u;

test("every letter folds like its capital, and to what stays as it is", () => {
  const differing: string[] = [];
  for (let code = 1; code <= 0x10ffff; code++) {
    if (code === 0xd800) code = 0xe000;
    const letter = String.fromCodePoint(code);
    if (PLAIN.test(letter)) continue;
    const folded = fold(letter);
    const alike = fold(folded) === folded && fold(letter.toLowerCase()) === folded;
    if (!alike || (fold(letter.toUpperCase()) !== folded && !SUBSCRIPT.test(letter.normalize("NFD"))))
      differing.push(code.toString(16));
  }
  expect(differing).toEqual([]);
});

test("folding is stable under case and under itself", () =>
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(fold(fold(text))).toBe(fold(text));
      if (!SUBSCRIPT.test(text.normalize("NFD"))) expect(fold(text.toUpperCase())).toBe(fold(text));
    }),
  ));

test("a folded text is no longer than asked, and cut between characters", () => {
  expect(codePoints(fold("\uFDFA".repeat(2_000)))).toBe(36_000);
  expect(codePoints(fold("\uFDFA".repeat(2_000), 4_000))).toBeLessThanOrEqual(4_000);
  expect(fold("😀😀😀", 2)).toBe("😀😀");
  expect(fold("ab cd", 3)).toBe("ab");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, length) => {
      const cut = fold(text, length);
      expect(codePoints(cut)).toBeLessThanOrEqual(length);
      // of longer ones a syllable may be cut in two
      if (text.normalize("NFKD").length <= 3 * length) expect(fold(text).startsWith(cut)).toBe(true);
    }),
  );
});

describe("the table", () => {
  test("has a fold for each letter, and no letter twice", () => {
    const letters = FOLDED_SCRIPTS.flatMap(({ from }) => [...from]);
    expect(new Set(letters).size).toBe(letters.length);
    for (const { from, to } of FOLDED_SCRIPTS) expect([...to].length).toBe([...from].length);
  });

  test("says of each script where its letters are", () => {
    const found = (range: string) =>
      new RegExp(
        `^[${range.replaceAll(/\\U0*([0-9a-f]+)/g, "\\u{$1}").replaceAll(/\\u([0-9a-f]{4})/g, "\\u{$1}")}]+$`,
        "u",
      );
    for (const { script, range, from } of FOLDED_SCRIPTS)
      expect([script, found(range).test(from)]).toEqual([script, true]);
  });

  test("is that of the migration", async () => {
    const migration = new URL("../../supabase/migrations/20261128000100_fold.sql", import.meta.url);
    expect(await readFile(migration, "utf8")).toContain(foldSql());
  });
});
