/**
 * The kinds of field that a collection is made of. Each is a zod schema plus the few facts from which the SQL column,
 * the MongoDB validator, the filters and the sorts follow. Add a kind here and both adapters have to learn it.
 */
import { z } from "zod";
import { isEmail, isVisible, isWebAddress } from "../values/characters.ts";
import { CURRENCIES } from "../values/currencies.ts";
import { DEFAULT_MAX_BYTES, type Json } from "../values/json.ts";
import { canonicalDecimal, compareDecimal, DECIMAL_PATTERN, SIGNED_DECIMAL_PATTERN } from "../values/money.ts";
import { codePoints, isStorable } from "../values/text.ts";
import { jsonSchema } from "./json-schema.ts";

export type FieldKind =
  | "text"
  | "enum"
  | "currency"
  | "money"
  | "decimal"
  | "integer"
  | "boolean"
  | "day"
  | "instant"
  | "reference"
  | "tags"
  | "json";

export interface Field<T = unknown, Required extends boolean = boolean, Defaulted extends boolean = boolean> {
  kind: FieldKind;
  /** validates and normalises one value that is to be written (never null) */
  schema: z.ZodType<T>;
  /**
   * What may be stored, by the field's kind alone: for what is compared with it, and for what is shown. The rules for
   * writing change (a currency ends, a text gets shorter), and what was written before has to be found, paged and shown.
   */
  stored: z.ZodType<T>;
  /** false: the value may be null, which is what an absent one is */
  required: Required;
  defaulted: Defaulted;
  /** what create puts where the client gives nothing */
  default?: T;
  /** code points, of a text or of each tag */
  maxLength?: number;
  minLength?: number;
  /** of a text: what it has to be */
  format?: "email" | "url";
  /** of a text: its schema where nothing may be written, too, which stands for null */
  orEmpty?: z.ZodType<T>;
  maxItems?: number;
  /** of JSON: bytes of its text, as `shared/values/json.ts` counts them */
  maxBytes?: number;
  /** the values of an enum */
  values?: readonly string[];
  /** the collection that a reference points into */
  references?: string;
  /** of a reference: what has to be so in the record that it points to */
  where?: Where;
  /** of a reference: the user who made the record; the system sets it, and no client may */
  isAuthor?: boolean;
  /** of money and decimals; "any" leaves zero out */
  sign?: "above" | "zero or above" | "any";
}

/** Values of fields, all of which have to be so. */
export type Where = Readonly<Record<string, string | boolean>>;

type Value<S> = S extends z.ZodType<infer T> ? T : never;

const make = <T>(kind: FieldKind, schema: z.ZodType<T>, facts: Partial<Field<T>> = {}): Field<T, true, false> => ({
  stored: schema,
  ...facts,
  kind,
  schema,
  required: true,
  defaulted: false,
});

const anyText = z.string().refine(isStorable, { message: "Remove NUL characters and lone surrogates.", abort: true });

/** Trimmed; what a reader sees nothing of is no text at all. */
const trimmed = (text: string): string => (isVisible(text) ? text.trim() : "");

interface TextRules {
  max: number;
  min: number;
  /** what a text that is not empty has to be besides */
  fits?: { test: (text: string) => boolean; message: string };
}

const textSchema = ({ max, min, fits }: TextRules) =>
  anyText
    .overwrite(trimmed)
    .refine((value) => codePoints(value) <= max, { message: `At most ${max} characters.` })
    .refine((value) => codePoints(value) >= min, {
      message: min > 1 ? `At least ${min} characters.` : "Write at least one visible character.",
      abort: true,
    })
    .refine((value) => value === "" || fits === undefined || fits.test(value), { message: fits?.message ?? "" })
    // a pattern that every validator reads alike: one that is blank in a way that only we know is refused all the same
    .meta({ maxLength: max, ...(min > 0 && { minLength: min, pattern: "\\S" }) });

/** What is empty once it is trimmed is what an absent one is: optional ones become null, others are refused. */
const textField = (rules: TextRules, facts: Partial<Field<string>> = {}) =>
  make("text", textSchema(rules), {
    stored: anyText,
    orEmpty: textSchema({ ...rules, min: 0 }),
    maxLength: rules.max,
    minLength: rules.min,
    ...facts,
  });

/** Free text of at most `max` code points, without white space around it. */
export const text = (max: number, min = 0) => textField({ max, min });

/** A name or title: 1 to 200 characters, one of them visible. */
export const name = () => text(200, 1);

const address = { test: isEmail, message: "Write an e-mail address, such as mina@example.org." };

/** An e-mail address, kept as it was written. */
export const email = () => {
  const field = textField({ max: 320, min: 1, fits: address }, { format: "email" });
  // as JSON Schema calls addresses with letters beyond ASCII. It has no name for one that may be empty, as texts are that show
  // nothing: those are left to us
  const schema = field.schema.meta({ maxLength: 320, format: "idn-email" });
  const orEmpty = field.orEmpty?.meta({ maxLength: 320, pattern: "^([^!-~]*|[^@]+@[^@]+)$" });
  return { ...field, schema, ...(orEmpty && { orEmpty }) };
};

const webAddress = {
  test: isWebAddress,
  message: "Write an http or https address, such as https://example.org/a.png.",
};

const ADDRESS_PATTERN = "^\\s*[hH][tT][tT][pP][sS]?://[^\\s]+\\s*$";

/** The address of a page or a file, http or https, kept as it was written. Nothing is known of what lies there. */
export const url = () => {
  const field = textField({ max: 2_000, min: 1, fits: webAddress }, { format: "url" });
  // as far as a pattern that every validator reads alike can say it
  const schema = field.schema.meta({ maxLength: 2_000, pattern: ADDRESS_PATTERN });
  const orEmpty = field.orEmpty?.meta({ maxLength: 2_000, pattern: `^[^!-~]*$|${ADDRESS_PATTERN}` });
  return { ...field, schema, ...(orEmpty && { orEmpty }) };
};

export const oneOf = <const V extends readonly [string, ...string[]]>(...values: V) =>
  make("enum", z.enum(values) as unknown as z.ZodType<V[number]>, { values });

const currencyCode = z
  .string()
  .regex(/^[A-Z]{3}$/, "Use the three upper-case letters of ISO 4217, such as EUR.")
  .meta({ examples: ["EUR"] });

/** An ISO 4217 code in upper case. One that has ended may be written where the record is of a day before that. */
export const currency = () =>
  make(
    "currency",
    currencyCode
      .refine((code) => CURRENCIES.has(code), { message: "This is no currency of ISO 4217." })
      .meta({ examples: ["EUR"] }),
    { stored: currencyCode, maxLength: 3, minLength: 3 },
  );

const decimalText = (pattern: RegExp) =>
  z.string("Write the number as a string, so that no digit is lost.").regex(pattern, {
    message: "Use up to 15 digits, a point and up to 4 decimals, such as 12.50.",
    abort: true,
  });

const anyDecimal = decimalText(SIGNED_DECIMAL_PATTERN)
  .overwrite((value) => canonicalDecimal(value))
  .meta({ examples: ["12.50"] });

const isAbove = (value: string): boolean => compareDecimal(value, "0") > 0;

const amount = (pattern: RegExp, test: (value: string) => boolean, message: string) =>
  decimalText(pattern)
    .refine(test, { message })
    .overwrite((value) => canonicalDecimal(value))
    .meta({ examples: ["12.50"] });

/**
 * An amount of money above zero, as a decimal string with no more decimals than its currency has, which stands in another
 * field. `signed`: below zero it is money that went the other way, such as a refund. Zero is none: nothing was paid then,
 * and the slip of a form is more likely.
 */
export const money = ({ signed = false }: { signed?: boolean } = {}) =>
  make(
    "money",
    signed
      ? amount(SIGNED_DECIMAL_PATTERN, (value) => compareDecimal(value, "0") !== 0, "The amount must not be 0.")
      : amount(DECIMAL_PATTERN, isAbove, "The amount must be above 0."),
    { stored: anyDecimal, sign: signed ? "any" : "above" },
  );

/** What a filter on the field, or a cursor that is sorted by it, may be compared with. */
export const comparable = (field: Field): z.ZodType => field.stored;

/** A decimal of zero or more that is no money, such as a rate. */
export const decimal = () =>
  make(
    "decimal",
    amount(DECIMAL_PATTERN, () => true, ""),
    { stored: anyDecimal, sign: "zero or above" },
  );

export const integer = () => make("integer", z.int());

export const boolean = () => make("boolean", z.boolean());

/** A calendar day, `YYYY-MM-DD`, without a time zone. */
export const day = () =>
  make(
    "day",
    z.iso
      .date({ error: ({ input }) => (isDayLike(input) ? noSuchDay(input) : "Write the day as YYYY-MM-DD.") })
      .refine((value) => value >= "0001-01-01", { message: "The first year is 0001." })
      .meta({ examples: ["2026-03-14"] }),
  );

const isDayLike = (input: unknown): input is string => typeof input === "string" && /^\d{4}-\d\d-\d\d$/.test(input);
const hasNoSuchDay = (input: unknown) =>
  typeof input === "string" && isDayLike(input.slice(0, 10)) && !z.iso.date().safeParse(input.slice(0, 10)).success;
const noSuchDay = (day: string) => `There is no ${day} in the calendar.`;

// a day from either end: everywhere on earth it is in the years 0001 to 9999 then, in which the engines name months alike
const [FIRST_INSTANT, LAST_INSTANT] = ["0001-01-02T00:00:00.000Z", "9999-12-30T23:59:59.999Z"];

/** A moment, in milliseconds; read with any offset, written in UTC. */
export const instant = () =>
  make(
    "instant",
    z.iso
      .datetime({
        offset: true,
        error: ({ input }) =>
          hasNoSuchDay(input)
            ? noSuchDay(String(input).slice(0, 10))
            : "Write the time as 2026-03-14T15:09:26.535Z, with at most 3 decimals.",
      })
      .regex(/^(?!0000)\d{4}-[^.]+(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/, { message: "At most 3 decimals of a second." })
      .refine(
        (value) => /^\d{4}-/.test(toIso(value)) && FIRST_INSTANT <= toIso(value) && toIso(value) <= LAST_INSTANT,
        {
          message: "Times from 0001-01-02 to 9999-12-30 can be stored.",
        },
      )
      .overwrite(toIso),
  );

function toIso(value: string): string {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date.toISOString();
}

/** A UUID in lower case. */
export const uuidSchema = z.uuid("This is no UUID.").toLowerCase();

/**
 * The id of a record of another collection in the same home; deleting that record is refused while this one exists. With
 * `where` it has to be such a one: its collection names those fields in `fixedWhileReferenced`, so that it stays one.
 */
export const reference = (collection: string, { where }: { where?: Where } = {}) =>
  make("reference", uuidSchema, { references: collection, ...(where && { where }) });

/** An id that no other record has to be there for: of a room, or of a user. */
export const uuid = () => make("reference", uuidSchema);

/** The user who made the record: set by the system, as their verified token names them, and never changed. */
export const author = () =>
  // not a part of what clients give
  make("reference", uuidSchema, { isAuthor: true }) as Field<string, true, boolean> as Field<string, true, true>;

/** A few short labels, in the order given; one that is given twice is there once, or sums by label would count it twice. */
export const tags = (maxItems = 20, maxLength = 50) =>
  make(
    "tags",
    z
      .array(textSchema({ max: maxLength, min: 1 }))
      // before what changes the list: else each item is looked at first, and the faults of 200,000 are too many to put together
      .max(maxItems)
      .overwrite((labels) => [...new Set(labels)]),
    { stored: z.array(anyText), maxItems, maxLength, minLength: 1 },
  );

/**
 * Anything that is JSON, exactly: numbers of up to 34 digits, and at most 49 levels of lists and objects in one another. It
 * can be asked for only by whether it is there. JSON null is what an absent one is.
 */
export const json = ({ maxBytes = DEFAULT_MAX_BYTES }: { maxBytes?: number } = {}) =>
  // a bound that was higher once
  make<Json>("json", jsonSchema(maxBytes), { stored: jsonSchema(Number.POSITIVE_INFINITY), maxBytes });

/** The field with words about its values, for the OpenAPI document: a unit, what it is not. */
export const described = <F extends Field>(description: string, field: F): F => ({
  ...field,
  schema: field.schema.meta({ description }),
  stored: field.stored.meta({ description }),
  ...(field.orEmpty && { orEmpty: field.orEmpty.meta({ description }) }),
});

/** The field may be absent: null in a record; left out, null or an empty text in a body. */
export const optional = <T>(field: Field<T, true, false>): Field<T, false, false> => ({
  ...field,
  schema: field.orEmpty ?? field.schema,
  required: false,
});

/** The field is always there; a body that leaves it out gets this value. */
export const withDefault = <T>(field: Field<T, true, false>, value: T): Field<T, true, true> => ({
  ...field,
  defaulted: true,
  // as it would be written: a definition whose default its own schema refuses does not load
  default: field.schema.parse(value),
});

export type Fields = Readonly<Record<string, Field>>;
type FieldValue<F> = F extends { schema: infer S } ? Value<S> : never;
type Stored<F> = F extends { required: true } ? FieldValue<F> : FieldValue<F> | null;
type NeededKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { required: true; defaulted: false } ? K : never;
}[keyof F];

export type RecordFields<F extends Fields> = { [K in keyof F]: Stored<F[K]> };
export type CreateFields<F extends Fields> = { [K in NeededKeys<F>]: Stored<F[K]> } & {
  [K in Exclude<keyof F, NeededKeys<F>>]?: Stored<F[K]> | undefined;
};
export type PatchFields<F extends Fields> = { [K in keyof F]?: Stored<F[K]> | undefined };
