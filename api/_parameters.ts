/**
 * The parameters of a collection's routes, for the OpenAPI document. They are documented here and parsed by
 * `parseQuery`, which knows the schemas of the fields and reports every problem at once.
 */
import { z } from "zod";
import { type QueryKind, takesTimeZone } from "../shared/contract/parse-query.ts";
import {
  DEFAULT_LIMIT,
  type FilterOperator,
  isGroupable,
  isTimeZone,
  MAX_LIMIT,
  MAX_LISTED,
  MAX_SEARCH_LENGTH,
  MAX_SORTS,
  operatorsOf,
} from "../shared/contract/query.ts";
import { type Collection, fieldOf, systemFields } from "../shared/definition/define.ts";
import type { Field } from "../shared/definition/fields.ts";
import { DECIMAL_PATTERN } from "../shared/values/money.ts";

type Schema = z.ZodType<string | string[] | undefined>;

/**
 * A parameter as the document shows it. Whatever comes is let through to `parseQuery`, several of one name, too: it says
 * what is wrong with all of them.
 */
const parameter = (description: string, shape: Record<string, unknown> = { type: "string" }): Schema =>
  z
    .custom<string | string[]>()
    .optional()
    .meta({ description, ...shape });

/** Of every list. */
const PAGE = {
  limit: parameter(`1 to ${MAX_LIMIT}`, { type: "integer", minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT }),
  // which texts are one, no schema can say
  cursor: parameter("next_cursor of the page before, with the same query", { type: "string", format: "cursor" }),
};
/** Of a list that has one order and no filters. */
export const pageParameters = z.looseObject(PAGE) as unknown as QuerySchema;

/** Any of the documented parameters, each a text, or several. */
type QuerySchema = z.ZodObject<Record<string, Schema>>;

/** Every parameter that a route takes: the filters, and those of its kind. */
export function queryParameters(collection: Collection, kind: QueryKind | "export"): QuerySchema {
  const shape: Record<string, Schema> = {};
  if (kind === "list") Object.assign(shape, PAGE);
  if (kind === "list" || kind === "export") shape.sort = sortParameter(collection);
  if (kind === "export")
    shape.bom = parameter("1: begin with a byte order mark, for spreadsheets that take UTF-8 for something else", {
      type: "string",
      enum: ["0", "1"],
      default: "0",
    });
  if (kind === "summary") {
    const names = Object.entries({ ...collection.fields, ...systemFields }).flatMap(([name, field]) =>
      isGroupable(field) ? [name] : [],
    );
    shape.by = parameter("without it one group per currency; records count in the group of each value of a list", {
      type: "string",
      enum: ["month", ...names],
    });
    if (takesTimeZone(collection)) shape.tz = parameter("IANA time zone of by=month, by default UTC", TIME_ZONE);
  }
  if (collection.search.length > 0)
    shape.q = parameter(`text to look for in ${collection.search.join(", ")}, whatever its case and accents`, {
      type: "string",
      maxLength: MAX_SEARCH_LENGTH,
      pattern: STORABLE,
    });
  for (const name of [...Object.keys(collection.fields), ...Object.keys(systemFields)]) {
    const field = fieldOf(collection, name);
    for (const operator of field ? operatorsOf(field) : [])
      shape[operator === "eq" ? name : `${name}[${operator}]`] = parameter(
        `only records whose ${name} ${WORDS[operator]}`,
        shapeOf(field as Field, operator),
      );
  }
  return z.looseObject(shape) as unknown as QuerySchema;
}

const WORDS: Readonly<Record<FilterOperator, string>> = {
  eq: "is this",
  gte: "is at least this",
  gt: "is above this",
  lte: "is at most this",
  lt: "is below this",
  has: "holds this; several: all of them",
  null: "is not there (true), or is (false)",
};

/** Up to three of the fields, none twice. */
function sortParameter({ sorts }: Collection): Schema {
  const one = `-?(${sorts.join("|")})`;
  return parameter(
    `${sorts.join(", ")}: up to ${MAX_SORTS} of them with commas between, each with a minus in front for descending. By default -created_at; ties go by created_at, then id`,
    {
      type: "string",
      pattern: `^(?!.*\\b(\\w+)\\b.*\\b\\1\\b)${one}(,${one}){0,${MAX_SORTS - 1}}$`,
      examples: [`-${sorts.at(-1)}`],
    },
  );
}

/** No NUL; lone surrogates cannot be in a URL. */
const STORABLE = "^[^\\u0000]*$";
export const TIME_ZONE = {
  type: "string",
  enum: ["UTC", "GMT", ...Intl.supportedValuesOf("timeZone").filter(isTimeZone)],
};
// by pattern: the format takes versions of UUIDs that there are not
const UUID = { type: "string", pattern: z.regexes.uuid().source };
/** Days that there are, milliseconds at most; of the first and the last days it depends on the offset. */
const INSTANT = {
  type: "string",
  pattern: `^(?!0000|0001-01-0[12]|9999-12-3)${z.regexes.date.source.replace(/^\^|\$$/g, "")}T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,3})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$`,
};

/** What a filter may be compared with, in JSON Schema. */
function shapeOf(field: Field, operator: FilterOperator): Record<string, unknown> {
  if (operator === "null") return { type: "boolean" };
  const text = { type: "string", pattern: STORABLE };
  if (operator === "has")
    return { type: "array", items: { ...text, maxLength: field.maxLength ?? 0 }, maxItems: MAX_LISTED };
  switch (field.kind) {
    case "integer":
      return { type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
    case "boolean":
      return { type: "boolean" };
    case "money":
    case "decimal":
      return { type: "string", pattern: DECIMAL_PATTERN.source };
    case "day":
      return { type: "string", format: "date" };
    case "instant":
      return INSTANT;
    case "reference":
      return UUID;
    case "enum":
      return { type: "string", enum: field.values };
    case "currency":
      return { type: "string", pattern: "^[A-Z]{3}$" };
    default:
      return text;
  }
}

/** A UUID in the path. */
export const pathId = <const N extends string>(name: N, description: string) =>
  z
    .uuid()
    .toLowerCase()
    .meta({ param: { name, in: "path" }, description, ...UUID });

export const idParameter = z.object({ id: pathId("id", "UUID of the record") });

const TAG = '(W/)?"[\\u0021\\u0023-\\u007e]*"';
const TAGS = { type: "string", pattern: `^(\\*|${TAG}(, ${TAG})*)$` };

export const ifMatchHeader = z.object({
  "if-match": z
    .string()
    .optional()
    .meta({ description: "ETag that the record must still have", ...TAGS }),
});

export const ifNoneMatchHeader = z.object({
  "if-none-match": z
    .string()
    .optional()
    .meta({ description: "ETags of copies that the caller has; 304 when one is up to date", ...TAGS }),
});

export const idempotencyHeader = z.object({
  "idempotency-key": z.string().optional().meta({
    description: "makes a retry safe: the same key and body answer with the record of the first try",
    type: "string",
    pattern: "^[\\u0020-\\u007e]{1,255}$",
  }),
});
