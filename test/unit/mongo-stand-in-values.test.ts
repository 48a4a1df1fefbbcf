/** The stand-in's arithmetic and order against independent implementations. */
import Big from "big.js";
import { Decimal128, Double, Int32, Long } from "bson";
import fc from "fast-check";
import { expect, it } from "vitest";
import { compare, keyOf } from "../../scripts/dev/mongo-stand-in/values/compare.ts";
import { add, divide, multiply, type Num, subtract } from "../../scripts/dev/mongo-stand-in/values/numbers.ts";

const cents = fc
  .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.integer({ min: 0, max: 6 }))
  .map(([digits, places]) => {
    const text = (digits < 0n ? -digits : digits).toString().padStart(places + 1, "0");
    const whole = text.slice(0, text.length - places);
    return `${digits < 0n ? "-" : ""}${whole}${places > 0 ? `.${text.slice(-places)}` : ""}`;
  });
const decimal = (text: string) => Decimal128.fromString(text);
const number: fc.Arbitrary<Num> = fc.oneof(
  fc.integer().map((value) => new Int32(value)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => Long.fromBigInt(value)),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }).map((value) => new Double(value)),
  cents.map(decimal),
);

function exact(value: Num): Big {
  if (value._bsontype !== "Double") return Big(value.toString());
  // toString rounds a double to what tells it from other doubles; more digits tell it from a decimal.
  return Big(value.value.toPrecision(100));
}

it("adds, subtracts and multiplies decimals as big.js does", () => {
  fc.assert(
    fc.property(cents, cents, (a, b) => {
      expect(Big(add(decimal(a), decimal(b)).toString()).eq(Big(a).plus(b))).toBe(true);
      expect(Big(subtract(decimal(a), decimal(b)).toString()).eq(Big(a).minus(b))).toBe(true);
      expect(Big(multiply(decimal(a), decimal(b)).toString()).eq(Big(a).times(b))).toBe(true);
    }),
  );
});

it("divides decimals to 34 digits, half to even", () => {
  fc.assert(
    fc.property(cents, cents, (a, b) => {
      fc.pre(!Big(b).eq(0));
      const Precise = Big();
      Precise.DP = 120;
      const wanted = Precise(a).div(b).prec(34, Big.roundHalfEven);
      expect(Big(divide(decimal(a), decimal(b)).toString()).eq(wanted)).toBe(true);
    }),
  );
});

it("orders and keys numbers of every type by their exact value", () => {
  fc.assert(
    fc.property(number, number, (a, b) => {
      const order = exact(a).cmp(exact(b));
      expect(compare(a, b)).toBe(order);
      expect(keyOf(a) === keyOf(b)).toBe(order === 0);
    }),
    {
      examples: [
        [Long.fromString("9007199254740993"), new Double(9007199254740992)],
        [new Double(0.1), decimal("0.1")],
        [new Int32(0), decimal("0E+3")],
      ],
    },
  );
});

it("orders strings as their UTF-8 bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
      expect(compare(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { examples: [["\uffee", "\u{1f600}"]] },
  );
});
