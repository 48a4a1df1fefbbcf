import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  average,
  canonicalDecimal,
  compareDecimal,
  DECIMAL_PATTERN,
  decimalsIn,
  subtract,
} from "../../shared/values/money.ts";
import { codePoints, compareText, isStorable } from "../../shared/values/text.ts";
import { MAX_SITE, nextVersion } from "../../shared/values/version.ts";

describe("decimals", () => {
  const decimal = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), fc.stringMatching(/^\d{0,4}$/))
    .map(([whole, fraction]) => (fraction ? `${whole}.${fraction}` : `${whole}`));
  const units = (text: string) => {
    const [whole = "0", fraction = ""] = text.split(".");
    return BigInt(whole + fraction.padEnd(4, "0"));
  };

  test.each([
    ["0", "0.00"],
    ["1", "1.00"],
    ["1.5000", "1.50"],
    ["1.2340", "1.234"],
    ["0.0001", "0.0001"],
    ["999999999999999.9999", "999999999999999.9999"],
    ["100", "100.00"],
  ])("%s is written %s", (given, canonical) => expect(canonicalDecimal(given)).toBe(canonical));

  test.each([
    ["1500.00", 0, "1500"],
    ["1500.5", 0, "1500.5"],
    ["1.5", 3, "1.500"],
    ["-1.5", 2, "-1.50"],
    ["-0.00", 2, "0.00"],
    ["-0", 0, "0"],
  ])("%s with %d decimals is written %s", (given, decimals, canonical) =>
    expect(canonicalDecimal(given, decimals)).toBe(canonical),
  );

  test.each([
    ["1", 0],
    ["1.00", 0],
    ["1.50", 1],
    ["-1.0050", 3],
    ["100", 0],
  ])("%s needs %d decimals", (given, decimals) => expect(decimalsIn(given)).toBe(decimals));

  test("the canonical spelling keeps the value and is its own", () =>
    fc.assert(
      fc.property(decimal, (text) => {
        const canonical = canonicalDecimal(text);
        expect(units(canonical)).toBe(units(text));
        expect(canonicalDecimal(canonical)).toBe(canonical);
        expect(canonical).toMatch(/\.\d{2,4}$/);
        expect(DECIMAL_PATTERN.test(canonical)).toBe(true);
      }),
    ));

  test("order and differences are exact", () =>
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        expect(compareDecimal(a, b)).toBe(units(a) < units(b) ? -1 : units(a) > units(b) ? 1 : 0);
        const negative = units(a) < units(b);
        const difference = subtract(a, b);
        expect(difference.startsWith("-")).toBe(negative);
        expect(units(difference.replace("-", ""))).toBe(negative ? units(b) - units(a) : units(a) - units(b));
      }),
    ));

  test.each([
    ["0.0003", 2, "0.0002"],
    ["0.0005", 2, "0.0002"],
    ["0.0007", 2, "0.0004"],
    ["1", 3, "0.3333"],
    ["2", 3, "0.6667"],
    ["9999999999999999999.0001", 1, "9999999999999999999.0001"],
    ["9999999999999999999.0001", 2, "4999999999999999999.50"],
    ["5", 5, "1.00"],
  ])("%s over %d is %s", (sum, count, expected) => expect(average(sum, count)).toBe(expected));
});

describe("texts", () => {
  test("NUL and lone surrogates cannot be stored, all else can", () => {
    for (const text of ["\u0000", "a\u0000b", "\ud800", "\udc00", "a\udc00\ud800"])
      expect(isStorable(text)).toBe(false);
    for (const text of ["", "\u0001", "\uffff", "😀", "\u{10ffff}"]) expect(isStorable(text)).toBe(true);
  });

  test("lengths are code points", () => expect(["", "a", "😀", "e\u0301"].map(codePoints)).toEqual([0, 1, 1, 2]));

  test("the order is that of the UTF-8 bytes", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        fc.pre(isStorable(a) && isStorable(b));
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareText(a, b))).toBe(bytes);
      }),
    ));
});

describe("versions", () => {
  test("rise, keep up with the clock, and name their site", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_SITE }),
        fc.integer({ min: 0, max: 4_102_444_800_000 }),
        fc.integer({ min: 0, max: 2 ** 52 }),
        (site, now, previous) => {
          const version = nextVersion(site, now, previous);
          expect(version).toBeGreaterThan(previous);
          expect(version).toBeGreaterThanOrEqual(now * 1000);
          expect(version - Math.max(now * 1000, previous + 1)).toBeLessThan(8);
          expect(version % 8).toBe(site);
        },
      ),
    ));
});
