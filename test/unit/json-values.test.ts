/** JSON as values: exact numbers, one order of keys, and what is refused, with its reason. */
import Big from "big.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_MAX_BYTES, jsonText, levelsOf, MAX_LEVELS, parseJson, readJson } from "../../shared/values/json.ts";
import { HARD_KEYS, jsonTexts, NUMBERS, nested, TOO_MUCH } from "../setup/json-values.ts";

const kept = (given: unknown, maxBytes = DEFAULT_MAX_BYTES) => {
  const read = readJson(given, maxBytes);
  return "value" in read ? jsonText(read.value) : read.fault.code;
};
const again = (text: string) => jsonText(parseJson(text));

describe("numbers", () => {
  test.each([
    ["1", "1"],
    ["1.0", "1"],
    ["1e0", "1"],
    ["10e-1", "1"],
    ["-0", "0"],
    ["-0.0e7", "0"],
    ["0e99999999999", "0"],
    ["0.10", "0.1"],
    ["1e400", "1e+400"],
    ["1E-400", "1e-400"],
    ["1e21", "1e+21"],
    ["100000000000000000000", "100000000000000000000"],
    ["1152921504606846976", "1152921504606846976"],
    ["12345678901234567890.000", "12345678901234567890"],
    ["0.1234567890123456789", "0.1234567890123456789"],
    ["0.000000123456789012345678", "1.23456789012345678e-7"],
  ])("%s is spelt %s", (given, spelt) => {
    expect(again(given)).toBe(spelt);
    expect(again(spelt)).toBe(spelt);
  });

  test("of any spelling keep their value", () => {
    fc.assert(
      fc.property(
        jsonTexts.filter((text) => /^-?\d/.test(text)),
        (text) => {
          expect(new Big(again(text)).eq(text)).toBe(true);
          expect(again(again(text))).toBe(again(text));
        },
      ),
    );
  });

  test("are doubles where JavaScript prints them again, so that code can count with them", () => {
    for (const text of ["1", "1.50", "-2e3", "0.1", "1e21", "9007199254740991"])
      expect(parseJson(text)).toBe(Number(text));
  });

  test.each(NUMBERS)("%s can be kept", (text) => expect(kept(parseJson(text))).toBe(again(text)));
  test.each(TOO_MUCH)("%s cannot, and the reason names what can", (text) => {
    const read = readJson(parseJson(text), DEFAULT_MAX_BYTES);
    expect(read).toMatchObject({ fault: { code: "inexact_number", message: expect.stringContaining("34 digits") } });
  });

  test("that are none are no JSON", () => {
    for (const given of [Number.NaN, Number.POSITIVE_INFINITY, 5n]) expect(kept([given])).toBe("not_json");
    expect(kept(-0)).toBe("0");
  });

  test("as long as a body may be take no time to speak of", () => {
    const long = `1${"0".repeat(500_000)}1${"0".repeat(500_000)}`;
    expect(kept(parseJson(long))).toBe("inexact_number");
    expect(kept(parseJson(`1e${"9".repeat(500)}`))).toBe("inexact_number");
  });
});

describe("keys", () => {
  test("have one order, whatever they are and however they come", () => {
    const text = (keys: readonly string[]) => `{${keys.map((key) => `${JSON.stringify(key)}:1`).join()}}`;
    expect(again(text([...HARD_KEYS].reverse()))).toBe(again(text(HARD_KEYS)));
    expect(again('{"b":1,"10":1,"a":1,"2":1,"":1}')).toBe('{"2":1,"10":1,"":1,"a":1,"b":1}');
    expect(Object.keys(parseJson(text(HARD_KEYS)) as object).sort()).toEqual([...HARD_KEYS].sort());
  });

  test("that come twice have the last value", () => expect(again('{"a":1,"b":2,"a":3}')).toBe('{"a":3,"b":2}'));

  test("reach no prototype", () => {
    const value = parseJson('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { x?: number }).x).toBeUndefined();
    expect(kept(value)).toBe('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}');
  });

  test("of an object that looks like a number make none of it", () =>
    expect(kept({ rawJSON: "12345678901234567890" })).toBe('{"rawJSON":"12345678901234567890"}'));
});

describe("what is refused", () => {
  test("is deeper than a document may be", () => {
    expect(kept(parseJson(nested(MAX_LEVELS)))).toBe(nested(MAX_LEVELS));
    expect(kept(parseJson(nested(MAX_LEVELS + 1)))).toBe("too_deep");
    expect(kept(JSON.parse(nested(100_000)))).toBe("too_deep");
    expect(kept(JSON.parse(`${'{"a":['.repeat(50_000)}1${"]}".repeat(50_000)}`))).toBe("too_deep");
  });

  test("has a text that one of the databases does not keep, be it a key", () => {
    for (const text of ["a\0", "\ud800", "\udc00x"]) {
      expect(kept([text])).toBe("invalid_text");
      expect(kept({ [text]: 1 })).toBe("invalid_text");
    }
  });

  test("is no JSON", () => {
    const sparse = [1];
    sparse.length = 2;
    for (const given of [undefined, () => 1, Symbol("x"), new Date(), new Map(), { a: undefined }, sparse])
      expect(kept(given)).toBe("not_json");
  });

  test.each([
    ['"é\\n"', 6],
    ["[]", 2],
    ["[1,2]", 6],
    ['{"a":1,"b":[true,null]}', 27],
    ["1e10", 11],
    ["1e400", 401],
    ["-1.5e-7", 11],
    ["1.25e1", 4],
  ])("%s is more than one byte below %i", (text, bytes) => {
    expect(kept(parseJson(text), bytes)).toBe(again(text));
    expect(kept(parseJson(text), bytes - 1)).toBe("too_large");
  });
});

test("levels of a text are counted without going down, brackets in texts left out", () => {
  expect(levelsOf(nested(200_000))).toBe(200_000);
  expect(levelsOf('{"a":"[[[\\"[","b":[{}]}')).toBe(3);
  expect(levelsOf("5")).toBe(0);
});
