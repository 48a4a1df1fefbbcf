/** Where a text stops being JSON: held against JSON.parse, which knows only whether it is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFault } from "../../api/_json-fault.ts";

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test.each([
  ['{"a":1,}', 1, 8, false],
  ['{\n  "amount": "12.50"\n  "date": 1\n}', 3, 3, false],
  ["{'a':1}", 1, 2, false],
  ['{"a":x}', 1, 6, false],
  ['{"a":01}', 1, 6, false],
  ['{"a":"\n"}', 1, 6, false],
  ["[1 2]", 1, 4, false],
  ["[1}", 1, 3, false],
  ["{} {}", 1, 4, false],
  ['{"a"', 1, 5, true],
  ["[1,\n", 2, 1, true],
])("%j: line %i, column %i", (text, line, column, isEnd) => {
  expect(jsonFault(text)).toEqual({ line, column, isEnd });
});

test("finds a fault in what JSON.parse refuses, and in nothing else", () => {
  const pieces = fc.constantFrom(
    ...[
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"\\u00e9"',
      '"\\x"',
      "1",
      "-0.5e+3",
      "01",
      "true",
      "nul",
      " ",
      "\n",
      "\t",
    ],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces, { maxLength: 12 }).map((all) => all.join("")),
        fc.json(),
      ),
      (text) => {
        expect(jsonFault(text) === null).toBe(isJson(text));
      },
    ),
  );
});

test("depth is no matter", () => {
  expect(jsonFault("[".repeat(100_000))).toEqual({ line: 1, column: 100_001, isEnd: true });
});
