/** Values of JSON that some layer might change on the way, as texts and at random. */
import fc from "fast-check";
import { type JsonValue, MAX_LEVELS, parseJson, readJson } from "../../shared/values/json.ts";

/** What a language of queries, a driver or a prototype takes for its own. */
export const HARD_KEYS = [
  ...[
    "",
    "$",
    "$set",
    "$literal",
    "$$ROOT",
    "$ref",
    "$id",
    "$db",
    "a.b",
    ".",
    "..",
    "%",
    "%24",
    "%2E",
    "50% off",
    "％",
  ],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "toJSON", "toBSON", "_bsontype", "_id"],
  ...[
    "length",
    "rawJSON",
    "then",
    "0",
    "1",
    "10",
    "2",
    "-1",
    "01",
    "4294967295",
    "null",
    "é",
    "e\u0301",
    "😀",
    "\uffff",
  ],
];

/** As written; each is held exactly by Postgres and MongoDB. */
export const NUMBERS = [
  ...["0", "-0", "0.0", "-0e5", "1", "1.0", "1e0", "10e-1", "-1", "2147483647", "2147483648", "-2147483649", "1e3"],
  ...["9007199254740991", "9007199254740993", "-9007199254740993", "1152921504606846976", "1152921504606847000"],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775808", "12345678901234567890", "1e20", "1e21"],
  ...["0.1", "0.10", "0.30000000000000004", "0.1234567890123456789", "1.7976931348623157e308", "5e-324", "2.5e-7"],
  ...["1e400", "-1E+400", "1e-400", "1234567890123456789012345678901234", "9.999999999999999999999999999999999e6144"],
  ...["1e-6176", "-12.345678901234567890123456789e-30", "100000000000000000000000000000000000000000"],
];

/** Which no Decimal128 holds exactly. */
export const TOO_MUCH = [
  "12345678901234567890123456789012345",
  "0.12345678901234567890123456789012345",
  "1e6145",
  "1e-6177",
  "1.5e-6176",
  "1e999999999999",
];

/** So many lists, one in another. */
export const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

const digits = (most: number) => fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: most });
const numbers = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.maxSafeInteger().map(String),
  fc
    .tuple(fc.constantFrom("", "-"), digits(17), digits(17), fc.integer({ min: -40, max: 40 }), fc.boolean())
    .map(([sign, whole, part, exponent, isScientific]) => {
      const start = whole.join("").replace(/^0+(?=\d)/, "");
      return `${sign}${start}.${part.join("")}${isScientific ? `e${exponent}` : ""}`;
    }),
);
const strings = fc.oneof(
  fc.constantFrom(...HARD_KEYS),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 8 }).filter((text) => text.isWellFormed() && !text.includes("\0")),
);

/** Texts of JSON, most of them small. */
export const jsonTexts: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(
      numbers,
      strings.map((text) => JSON.stringify(text)),
      fc.constantFrom("null", "true", "false"),
    ),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc
      .array(fc.tuple(strings, tie("value")), { maxLength: 4 })
      .map((entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(" , ")}}`),
  ),
})).value;

/** What a field takes. */
export const jsonValues: fc.Arbitrary<JsonValue> = fc
  .oneof({ weight: 9, arbitrary: jsonTexts }, { weight: 1, arbitrary: fc.constant(nested(MAX_LEVELS)) })
  .map(parseJson)
  .filter((value) => value !== null && "value" in readJson(value, 65_536));
