/** Values of fields, by their kind: those that fit, with the ones that engines treat differently, and those that don't. */
import fc from "fast-check";
import type { Collection } from "../../shared/definition/define.ts";
import type { Field, FieldKind } from "../../shared/definition/fields.ts";
import { isStorable } from "../../shared/values/text.ts";
import { jsonValues } from "../setup/json-values.ts";

/** Folding, collation, normal forms, and what a query language could take for its own. */
const TEXTS = [
  ...[
    "",
    " ",
    "Food",
    "food",
    "FOOD court",
    "Straße",
    "STRASSE",
    "ẞ",
    "ﬁsh",
    "Fish",
    "İstanbul",
    "ıI",
    "Σίσυφος",
    "ΣΊΣΥΦΟΣ",
  ],
  ...[
    "é",
    "e\u0301",
    "Å",
    "\u212b",
    "😀",
    "👩‍👩‍👧‍👦",
    "\u{10ffff}",
    "\uffee",
    "\ud7ff",
    "\ue000",
    "שלום",
    "ｆｕｌｌ",
    "①",
  ],
  ...[
    "$amount",
    "$$ROOT",
    "a.b",
    "50%",
    "_",
    "\\",
    "\\E",
    "'",
    '"',
    "{}",
    "a,b",
    "(a|b)*",
    "[x]",
    "^a$",
    "/",
    "-",
    "#",
    "a\nb",
    "\t",
  ],
  ...[
    "null",
    "true",
    "0",
    "12.50",
    "2026-03-14",
    "a@example.org",
    "用户@例子.广告",
    " lead",
    "trail\u3000",
    "A.B+c@Example.ORG",
    "x".repeat(200),
    "😀".repeat(2_000),
  ],
];
const DAYS = [
  "0001-01-01",
  "0099-12-31",
  "1969-12-31",
  "2024-02-29",
  "2026-01-31",
  "2026-02-01",
  "2026-03-14",
  "9999-12-31",
];
const INSTANTS = [
  ...["0001-01-02T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "2026-01-31T23:30:00.123Z", "2026-02-01T01:00:00+01:00"],
  ...[
    "2026-07-31T16:30:00Z",
    "2026-07-31T22:30:00Z",
    "2026-12-31T23:30:00Z",
    "2026-10-25T00:30:00.5Z",
    "9999-12-30T23:59:59.999Z",
  ],
];
const AMOUNTS = [
  "-0.5",
  "-9.9999",
  "-100",
  "0.0001",
  "0.5",
  "1",
  "1.0",
  "2",
  "9.9999",
  "10",
  "12.5",
  "12.50",
  "100.0000",
  "999999999999999.9999",
];
const INTEGERS = [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];
const ZEROS = ["0", "0.00"];

const texts = fc.oneof(
  // few, so that records have some in common
  { weight: 6, arbitrary: fc.constantFrom(...TEXTS.slice(0, 8)) },
  { weight: 6, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }).filter(isStorable) },
);
const amounts = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...AMOUNTS) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(999_999), fc.nat(9_999))
      .map(([whole, part]) => `${whole}.${String(part).padStart(4, "0")}`),
  },
);
const days = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...DAYS) },
  { weight: 1, arbitrary: fc.nat(100).map((n) => new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10)) },
);

const KINDS: Record<Exclude<FieldKind, "reference">, (field: Field) => fc.Arbitrary<unknown>> = {
  text: () => texts,
  enum: ({ values = [] }) => fc.constantFrom(...values),
  // most take every amount; of the last, one has no decimals and one has ended
  currency: () => fc.constantFrom("CLF", "UYW", "CLF", "UYW", "CLF", "EUR", "JPY", "DEM"),
  money: () => amounts,
  decimal: () => fc.oneof(amounts, fc.constantFrom(...ZEROS)),
  integer: () => fc.oneof(fc.constantFrom(...INTEGERS), fc.integer({ min: 0, max: 5 })),
  boolean: () => fc.boolean(),
  day: () => days,
  instant: () => fc.constantFrom(...INSTANTS),
  json: () => jsonValues,
  tags: ({ maxItems = 3 }) => fc.array(texts, { maxLength: Math.min(3, maxItems) }),
};

/** A value that the field takes; null, now and then, where it may be absent. References are the caller's. */
export function fitting(field: Field): fc.Arbitrary<unknown> {
  if (field.kind === "reference") throw new Error("a reference is no value of its own");
  return KINDS[field.kind](field).filter((value) => field.schema.safeParse(value).success);
}

/** Of any type and size; most fields refuse most of them. */
export const odd: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  ...[null, true, 5, -1, 1.5, Number.NaN, "", "x", "-1", "1e3", "NaN", "Infinity", "0", "0.00001", "1234567890123456"],
  ...[
    "x".repeat(201),
    "x".repeat(2_001),
    "a\u0000b",
    "\ud800",
    "2026-02-30",
    "10000-01-01",
    "0000-01-01",
    "eur",
    "XXQ",
  ],
  ...[[], [""], ["a\u0000"], Array(21).fill("t"), ["x".repeat(51)], {}, { $gt: "" }, { $numberDecimal: "1" }],
);

/** Names of fields that no body may set, and of fields that there are. */
export const fieldNames = ({ fields }: Collection): fc.Arbitrary<string> =>
  fc.constantFrom(...Object.keys(fields), "version", "user_id", "created_at", "nobody", "$set", "a.b", "__proto__");
