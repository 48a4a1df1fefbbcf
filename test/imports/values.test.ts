/** One value at a time: exactly what it says, or told why not. */
import { Decimal128, Double, Long } from "mongodb";
import { expect, test } from "vitest";
import { shown, toDay, toInstant, toMoney } from "../../shared/imports/convert-value.ts";

const money = { kind: "money", money: "amount", scale: 2, minor: false, sign: "as-it-is" } as const;
const day = (zone: string) => ({ kind: "day", day: "date", zone, format: "YYYY-MM-DD" }) as const;

test.each([
  ["1e3", ".", "1000.00"],
  ["1.25e-1", ".", /3 decimals/],
  ["1e999999999", ".", /more digits/],
  ["1e-999999999", ".", /more digits/],
  [`0.${"0".repeat(100_000)}1`, ".", /more digits/],
  [Decimal128.fromString("1.25E+3"), ".", "1250.00"],
  [Decimal128.fromString("0E-6000"), ".", "0.00"],
  [Decimal128.fromString("1E+6000"), ".", /more digits/],
  [Decimal128.fromString("NaN"), ".", /no number/],
  [Decimal128.fromString("-Infinity"), ".", /no number/],
  [Number.NaN, ".", /NaN is no amount/],
  [new Double(Number.POSITIVE_INFINITY), ".", /Infinity is no amount/],
  [-0, ".", "0.00"],
  [0.1 + 0.2, ".", /more than 4 decimals/],
  [2 ** 53, ".", /more digits than a number keeps/],
  [Long.fromString("1250"), ".", "1250.00"],
  ["1 234,50", ",", "1234.50"],
  ["1'234.50", ".", "1234.50"],
  ["-1.234,50", ",", "-1234.50"],
  ["12 50", ",", /no number/],
  ["1 2", ".", /no number/],
  ["12.50", ",", /the decimal mark is a comma/],
  ["12,50", ".", /no number/],
  ["0x10", ".", /no number/],
  [true, ".", /no number/],
] as const)("money: %s with %s", (value, decimalMark, wanted) => {
  const made = toMoney(money, value, { decimalMark });
  expect(made.isOk() ? made.value : made.error).toEqual(
    typeof wanted === "string" ? wanted : expect.stringMatching(wanted),
  );
});

test.each([
  // an hour is left out, and one comes twice
  ["Europe/Rome", new Date("2025-03-29T22:59:59.999Z"), "2025-03-29"],
  ["Europe/Rome", new Date("2025-03-29T23:00:00Z"), "2025-03-30"],
  ["Europe/Rome", new Date("2025-03-30T21:59:59.999Z"), "2025-03-30"],
  ["Europe/Rome", new Date("2025-03-30T22:00:00Z"), "2025-03-31"],
  ["Europe/Rome", new Date("2025-10-26T22:59:59.999Z"), "2025-10-26"],
  ["Europe/Rome", new Date("2025-10-26T23:00:00Z"), "2025-10-27"],
  // where midnight itself is left out
  ["America/Santiago", new Date("2025-09-07T03:59:59.999Z"), "2025-09-06"],
  ["America/Santiago", new Date("2025-09-07T04:00:00Z"), "2025-09-07"],
  // where there was no 30th of December
  ["Pacific/Apia", new Date("2011-12-30T09:59:59.999Z"), "2011-12-29"],
  ["Pacific/Apia", new Date("2011-12-30T10:00:00Z"), "2011-12-31"],
  ["Europe/Rome", "2025-03-30T02:30:00+01:00", "2025-03-30"],
  ["Europe/Rome", "2025-03-30T02:30:00", undefined],
  ["Europe/Rome", "2025-03-30", "2025-03-30"],
  ["Europe/Rome", 1_735_689_600_000, undefined],
  ["Europe/Rome", new Date(Number.NaN), undefined],
  ["Europe/Rome", new Date("0000-06-01T00:00:00Z"), undefined],
  ["Europe/Rome", new Date("-000100-05-05T00:00:00Z"), undefined],
  ["America/New_York", new Date("0001-01-01T00:00:00Z"), undefined],
  ["Europe/Rome", new Date("0099-01-01T12:00:00Z"), "0099-01-01"],
  ["Europe/Rome", new Date(8.64e15), undefined],
] as const)("a day in %s: %s is %s", (zone, value, wanted) => {
  const made = toDay(day(zone), value);
  expect(made.unwrapOr(undefined)).toBe(wanted);
});

test("what is shown does nothing to a terminal", () => {
  expect(shown("a\u0000b\u001b[2Jc\u202ed")).toBe(String.raw`a\u0000b\u001b[2Jc\u202ed`);
});

test.each([new Date(8.64e15), new Date("0000-01-01T00:00:00Z"), "2025-01-01", "yesterday", 5])(
  "%s is no instant",
  (value) => {
    expect(toInstant(value)._unsafeUnwrapErr()).toMatch(/is no instant/);
  },
);
