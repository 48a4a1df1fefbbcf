/** The fast ways say what the library says. */
import fc from "fast-check";
import { Binary, BSON, Decimal128, Long, UUID } from "mongodb";
import { expect, test } from "vitest";
import { dateOf, decimal128Of, longOf, textOfDecimal128, uuidOf } from "../../shared/backups/exact-values.ts";
import { textOfLine } from "../../shared/backups/line-text.ts";
import { canonicalDecimal } from "../../shared/values/money.ts";

const wholes = fc.oneof(fc.bigInt(-(10n ** 15n), 10n ** 15n), fc.bigInt(-1_000n, 1_000n));
const fractions = fc.oneof(
  fc.constant(""),
  fc.integer({ min: 0, max: 9_999 }).map((n) => `.${String(n).padStart(4, "0")}`),
);

test("decimals", () => {
  fc.assert(
    fc.property(wholes, fractions, (whole, fraction) => {
      const text = `${whole}${fraction}`;
      const expected = Decimal128.fromString(canonicalDecimal(text));
      expect(decimal128Of(text)).toEqual(expected);
      expect(textOfDecimal128(expected)).toBe(expected.toString());
      const odd = Decimal128.fromString(text);
      expect(textOfDecimal128(odd)).toBe(odd.toString());
    }),
    {
      examples: [
        [0n, ".0000"],
        [0n, ".0100"],
        [10n ** 15n, ".9999"],
      ],
    },
  );
  for (const text of [
    "-0",
    "-0.0",
    "0",
    "NaN",
    "Infinity",
    "1E+3",
    "1E-7",
    "-1E-6176",
    "9999999999999999999999999999999999",
  ]) {
    const value = Decimal128.fromString(text);
    expect(textOfDecimal128(value)).toBe(value.toString());
  }
  for (const text of ["-0.0000", "-0.5000", "00.5"])
    expect(decimal128Of(text)).toEqual(Decimal128.fromString(canonicalDecimal(text)));
});

test("whole numbers, ids and instants", () => {
  fc.assert(
    fc.property(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.uuid(),
      fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }),
      (n, id, at) => {
        for (const whole of [n, n >> 12n, n >> 32n]) expect(longOf(String(whole))).toEqual(Long.fromBigInt(whole));
        expect(uuidOf(id).equals(new UUID(id))).toBe(true);
        const iso = at.toISOString();
        // as Postgres writes it: no zeros at the end, and no point without digits
        const text = `${iso.slice(0, 10)} ${iso
          .slice(11, 23)
          .replace(/(\.\d*?)0+$/, "$1")
          .replace(/\.$/, "")}`;
        expect(dateOf(`${text}+00`)).toEqual(at);
      },
    ),
  );
  for (const n of [2n ** 53n - 1n, 2n ** 53n + 1n, 9_218_996_266_150_621n])
    expect(longOf(String(n))).toEqual(Long.fromBigInt(n));
  expect(dateOf("2026-01-01 02:00:00+02")).toEqual(new Date("2026-01-01T00:00:00Z"));
});

test("lines", () => {
  const values = fc.oneof(
    ...[fc.string({ unit: "binary" }), fc.constant(null), fc.boolean(), fc.double(), fc.integer()],
    ...[fc.date({ noInvalidDate: true }), fc.array(fc.string()), fc.uuid().map((id) => new UUID(id))],
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((n) => Long.fromBigInt(n)),
    wholes.map((n) => Decimal128.fromString(String(n))),
    fc.uuid().map((id) => new Binary(new UUID(id).buffer, 4)),
    fc.constant({ a: [1, { b: Long.fromNumber(2 ** 40) }], $c: new Binary(Buffer.from("x"), 0) }),
  );
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string({ minLength: 1 }).filter((name) => !/^(__proto__|\d+)$/.test(name)),
        values,
      ),
      (line) => {
        expect(textOfLine(line)).toBe(BSON.EJSON.stringify(line, { relaxed: false }));
      },
    ),
  );
});
