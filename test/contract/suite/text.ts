import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { isVisible } from "../../../shared/values/characters.ts";
import { compareText, isStorable } from "../../../shared/values/text.ts";
import { partOf } from "../../setup/effort.ts";
import { type Owner, outcome, type Store, value } from "../store.ts";
import { everything, walk } from "./walk.ts";

const { contacts, expenses } = collections;

/** Texts that some layer might take for syntax, change on the way or sort in its own way. */
const awkward = [
  "a\tb",
  "a\nb",
  "a\r\nb",
  "null",
  "NULL",
  "true",
  "undefined",
  "NaN",
  "0",
  "1e3",
  "''",
  '"',
  '"quoted"',
  "'",
  "\\",
  "\\\\",
  "\\n",
  "\\u0000",
  "%",
  "_",
  "*",
  "a,b",
  "a.b",
  "(a)",
  "a)",
  "{a}",
  "[a]",
  "a:b",
  "a&b=c",
  "a+b",
  "a#b",
  "a?b",
  "a/b",
  "$name",
  "$$ROOT",
  "$",
  "{$gt:1}",
  "name.eq.a",
  "eq.null",
  "is.null",
  "in.(a,b)",
  "not.eq.x",
  ");--",
  "<b>",
  "%00",
  "%41",
  "--",
  "é",
  "e\u0301",
  "ß",
  "SS",
  "Σίσυφος",
  "σς",
  "İ",
  "i\u0307",
  "ı",
  "ﬁ",
  "fi",
  "ｗｉｄｅ",
  "Å",
  "\u212B",
  "שלום",
  "مرحبا",
  "\u202Eabc",
  "\u200Ba",
  "bo\uFEFFm",
  "😀",
  "👩‍👩‍👧‍👦",
  "🇩🇪",
  "𝒳",
  "\uE000",
  "\uFFFD",
  "\uFFFF",
  "\u{10000}",
  "\u{10FFFF}",
  "漢字",
  "\u007Fa",
  "\u0001a",
  "\u0085a",
  "a\u2028b",
];

/** Unicode, quoting, byte order and search. */
export function texts(store: () => Store): void {
  describe("text", () => {
    let owner: Owner;
    beforeAll(async () => {
      owner = await store().newOwner();
      await store().seed(
        owner,
        contacts,
        awkward.map((name) => ({ name, note: name })),
      );
    });
    const equal = (name: string) => ({
      ...everything,
      filters: [{ field: "name", operator: "eq", value: name }] as const,
    });

    test("what is written is read, on create and on update", async () => {
      const other = await store().newOwner();
      const repository = other.repository(contacts);
      const { id } = value(await repository.create({ name: "first" }));
      for (const text of awkward) {
        const changed = value(await repository.update(id, { name: text, phone: text }));
        expect([changed.name, changed.phone]).toEqual([text, text]);
        const made = value(await repository.create({ name: text, note: text }));
        expect(value(await repository.get(made.id))).toMatchObject({ name: text, note: text });
      }
      const tags = awkward.slice(0, 20);
      const { id: tagged } = value(
        await other.repository(expenses).create({ amount: "1", currency: "EUR", date: "2026-01-01", tags }),
      );
      expect(value(await other.repository(expenses).update(tagged, { tags: awkward.slice(40, 60) })).tags).toEqual(
        awkward.slice(40, 60),
      );
    });

    test("equality means the same code points, and nothing is syntax", async () => {
      for (const name of awkward) {
        const items = value(await owner.repository(contacts).list(equal(name))).items;
        expect(items.map((each) => each.name)).toEqual([name]);
      }
    });

    test.each(["asc", "desc"] as const)("sorts by code point, %s, page by page", async (direction) => {
      const expected = [...awkward].sort(compareText);
      if (direction === "desc") expected.reverse();
      for (const limit of [1, 9, 200]) {
        const listed = await walk(owner.repository(contacts), {
          filters: [],
          sort: { field: "name", direction },
          limit,
        });
        expect(listed.map(({ name }) => name)).toEqual(expected);
      }
      expect(expected.indexOf("\uFFFF") < expected.indexOf("😀")).toBe(direction === "asc");
    });

    test("any text that can be stored comes back and is found", async () => {
      const other = await store().newOwner();
      const repository = other.repository(contacts);
      const unit = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));
      const name = unit.filter(
        (text) => isStorable(text) && isVisible(text) && text.trim() === text && text.length <= 100,
      );
      await fc.assert(
        fc.asyncProperty(name, async (text) => {
          const made = value(await repository.create({ name: text }));
          expect(made.name).toBe(text);
          const found = value(
            await repository.list({
              ...equal(text),
              filters: [...equal(text).filters, { field: "id", operator: "eq", value: made.id }],
            }),
          );
          expect(found.items).toEqual([made]);
        }),
        { numRuns: partOf(25, 5) },
      );
    });

    test("groups are the texts as they are, in code point order", async () => {
      const groups = value(await owner.repository(contacts).summarize({ filters: [], by: "name" }));
      expect(groups.map(({ key }) => key)).toEqual([...awkward].sort(compareText));
    });

    test("long texts sort and page, too", async () => {
      const other = await store().newOwner();
      const notes = ["a", "b", "c"].map((end) => "😀".repeat(1_999) + end);
      await store().seed(
        other,
        contacts,
        notes.map((note) => ({ name: "long", note })),
      );
      const query = { filters: [], sort: { field: "note", direction: "asc" } as const, limit: 1 };
      expect((await walk(other.repository(contacts), query)).map(({ note }) => note)).toEqual(notes);
    });

    describe("search", () => {
      const found = async (other: Owner, q: string) => value(await walkNames(other, q)).sort(compareText);
      const walkNames = async (other: Owner, q: string) =>
        (await other.repository(contacts).list({ ...everything, q })).map(({ items }) => items.map(({ name }) => name));

      test.each([
        ["Straße", "STRASSE"],
        ["STRASSE", "straße"],
        ["Σίσυφος", "ΣΊΣΥΦΟΣ"],
        ["ΟΔΟΣ", "οδος"],
        ["οδος", "ΟΔΟΣ"],
        ["ﬁnance", "FIN"],
        ["caf\u00e9", "CAFE\u0301"],
        ["cafe\u0301", "café"],
        ["ｗｉｄｅ", "wide"],
        ["İstanbul", "i̇stanbul"],
        ["İnş", "inş"],
        ["inşaat", "İNŞ"],
        ["ısı", "ISI"],
        ["crème brûlée", "creme brulee"],
        ["creme brulee", "CRÈME BRÛLÉE"],
        ["한국", "\u1112\u1161\u11ab"],
        ["two  words\tand\nmore", "TWO words and more"],
        ["ends", " ends "],
        ["Ⅳ", "iv"],
        ["😀 party", "😀 PARTY"],
        ["שלום עולם", "עולם"],
      ])("%s is found by %s", async (name, q) => {
        const other = await store().newOwner();
        await store().seed(other, contacts, [{ name: "other" }]);
        value(await other.repository(contacts).create({ name }));
        expect(await found(other, q)).toEqual([name]);
        expect(value(await other.repository(contacts).count({ filters: [], q }))).toBe(1);
        expect(value(await other.repository(contacts).summarize({ filters: [], q }))[0]?.count).toBe(1);
      });

      test("a voicing mark makes another word", async () => {
        const other = await store().newOwner();
        const names = ["がぎ", "かき", "ぱん", "はん"];
        await store().seed(
          other,
          contacts,
          names.map((name) => ({ name })),
        );
        for (const name of names) expect(await found(other, name)).toEqual([name]);
        expect(await found(other, "か\u3099")).toEqual(["がぎ"]);
      });

      test.each([" ", "\t\u3000", "\u0301"])("%j, of which folding leaves nothing, is no search", async (q) => {
        const other = await store().newOwner();
        await store().seed(other, contacts, [{ name: "a" }, { name: "b" }]);
        expect(await found(other, q)).toEqual(["a", "b"]);
        expect(value(await other.repository(contacts).count({ filters: [], q }))).toBe(2);
      });

      test("nothing is found across two fields", async () => {
        const other = await store().newOwner();
        await store().seed(other, contacts, [{ name: "Ada", note: "Lovelace" }]);
        for (const q of ["ada lovelace", "ada\nlovelace", "adalovelace"]) expect(await found(other, q)).toEqual([]);
      });

      test("signs that fold to many letters are found, and are no burden on a page", async () => {
        const other = await store().newOwner();
        const note = "\uFDFA".repeat(2_000);
        await store().seed(
          other,
          contacts,
          Array.from({ length: 20 }, (_, n) => ({ name: `n${n}`, note })),
        );
        const { items } = value(await other.repository(contacts).list({ ...everything, limit: 20, q: "\uFDFA" }));
        expect(items.map((each) => each.note)).toEqual(Array(20).fill(note));
      });

      test("wildcards and syntax stand for themselves", async () => {
        const other = await store().newOwner();
        const plain = [
          "100 percent",
          "100% sure",
          "a_b",
          "axb",
          "a*b",
          "back\\slash",
          "dot.ted",
          "(round)",
          "[square]",
          "{curly}",
        ];
        const more = [
          'quo"ted',
          "quo'ted",
          "com,ma",
          "plus+",
          "car^et",
          "do$llar",
          "pi|pe",
          "que?stion",
          "per%cent",
          "a:b",
        ];
        const names = [...plain, ...more];
        await store().seed(
          other,
          contacts,
          names.map((name) => ({ name })),
        );
        for (const q of [
          "%",
          "_",
          "*",
          "\\",
          ".",
          "(",
          ")",
          "[",
          "]",
          "{",
          '"',
          "'",
          ",",
          "+",
          "^",
          "$",
          "|",
          "?",
          ":",
          "%c",
          "a_",
          ".*",
          "%%",
          "\\\\",
        ])
          expect([q, await found(other, q)]).toEqual([q, names.filter((name) => name.includes(q)).sort(compareText)]);
      });

      test("follows updates, and looks into every search field but no other", async () => {
        const other = await store().newOwner();
        const repository = other.repository(contacts);
        const { id } = value(
          await repository.create({ name: "Mina", note: "first note", email: "m@example.org", phone: "+49" }),
        );
        for (const q of ["mina", "FIRST", "example.ORG", "+49"]) expect(await found(other, q)).toEqual(["Mina"]);
        expect(await found(other, id.slice(0, 8))).toEqual([]);
        value(await repository.update(id, { note: "second" }));
        expect(await found(other, "first")).toEqual([]);
        expect(await found(other, "second")).toEqual(["Mina"]);
        value(await repository.update(id, { note: null, phone: "1" }));
        expect(await found(other, "second")).toEqual([]);
        expect(await found(other, "mina")).toEqual(["Mina"]);
        value(await repository.delete(id));
        expect(await found(other, "mina")).toEqual([]);
        expect(outcome(await repository.list({ ...everything, q: "a\u0000" }))).toBe("invalid_query");
      });
    });
  });
}
