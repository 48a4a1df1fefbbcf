/**
 * The parameters of a collection's routes, for the OpenAPI document. They are documented here and parsed by
 * `parseQuery`, which knows the schemas of the fields and reports every problem at once.
 */
import { z } from "zod";
import type { QueryKind } from "../shared/contract/parse-query.ts";
import { DEFAULT_LIMIT, MAX_LIMIT, operatorsOf } from "../shared/contract/query.ts";
import { type Collection, fieldOf, systemFields } from "../shared/definition/define.ts";

const text = (description: string) => z.string().optional().meta({ description });

/** Any of the documented parameters, each a text. */
type QuerySchema = z.ZodObject<Record<string, z.ZodOptional<z.ZodString>>>;

/** Every parameter that a route takes: the filters, and those of its kind. */
export function queryParameters(collection: Collection, kind: QueryKind | "export"): QuerySchema {
  const shape: Record<string, z.ZodType> = {};
  if (kind === "list") {
    shape.limit = text(`1 to ${MAX_LIMIT}, by default ${DEFAULT_LIMIT}`);
    shape.cursor = text("next_cursor of the page before, with the same query");
  }
  if (kind === "list" || kind === "export")
    shape.sort = text(
      `one of ${collection.sorts.join(", ")}; with a minus in front descending. By default -created_at`,
    );
  if (kind === "summary") {
    shape.by = text("a field, or month; without it one group per currency");
    shape.tz = text("IANA time zone in which an instant's month is meant, by default UTC");
  }
  if (collection.search.length > 0) shape.q = text(`text to look for in ${collection.search.join(", ")}`);
  for (const name of [...Object.keys(collection.fields), ...Object.keys(systemFields)])
    for (const operator of operatorsOf(fieldOf(collection, name)?.kind ?? "tags"))
      shape[operator === "eq" ? name : `${name}[${operator}]`] = text(
        operator === "eq"
          ? `only records whose ${name} is this`
          : `only records whose ${name} is ${WORDS[operator]} this`,
      );
  return z.looseObject(shape) as unknown as QuerySchema;
}

const WORDS = { gte: "at least", gt: "above", lte: "at most", lt: "below" } as const;

export const idParameter = z.object({
  id: z
    .uuid()
    .toLowerCase()
    .meta({ param: { name: "id", in: "path" }, description: "UUID of the record" }),
});

export const ifMatchHeader = z.object({
  "if-match": z.string().optional().meta({ description: "ETag that the record must still have" }),
});

export const ifNoneMatchHeader = z.object({
  "if-none-match": z
    .string()
    .optional()
    .meta({ description: "ETags of copies that the caller has; 304 when one is up to date" }),
});

export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .optional()
    .meta({ description: "makes a retry safe: the same key and body answer with the record of the first try" }),
});
