/** The routes of a collection, as the OpenAPI document shows them. */
import { createRoute, type z as openapi } from "@hono/zod-openapi";
import { z } from "zod";
import type { Collection, SystemFields } from "../../shared/definition/define.ts";
import {
  type CreateFields,
  type Fields,
  type PatchFields,
  type RecordFields,
  uuidSchema,
} from "../../shared/definition/fields.ts";
import { createdHeaders, json, problems, recordHeaders, sourceHeaders } from "../_answers.ts";
import { batchSchema, MAX_OPERATIONS, type Operation, type Outcome, outcomesSchema } from "../_batch.ts";
import { exactBody } from "../_exact-body.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { idempotencyHeader, idParameter, ifMatchHeader, ifNoneMatchHeader, queryParameters } from "../_parameters.ts";

type Schema<T> = openapi.ZodType<T, T>;

const summarySchema = z
  .object({
    items: z.array(
      z.object({
        key: z.string().nullable(),
        currency: z.string().nullable(),
        count: z.int(),
        sum: z.string().nullable(),
        min: z.string().nullable(),
        max: z.string().nullable(),
        average: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "Summary" });
const mergeSchema = z
  .strictObject({ into: uuidSchema.meta({ description: "the record that stays" }) })
  .meta({ id: "Merge" }) as unknown as Schema<{ into: string }>;
const movedSchema = z.object({ moved: z.record(z.string(), z.int()) }).meta({ id: "Moved" }) as unknown as Schema<{
  moved: Record<string, number>;
}>;
const countSchema = z.object({ count: z.int() }).meta({ id: "Count" });

/** What its records look like, where that is not the definition's record. */
interface Shapes {
  record?: z.ZodType;
  /** fields that are added when records are read, one or a page of them */
  computed?: z.ZodRawShape | undefined;
}

/** `F`: its fields; `R`: those of its record; `X`: those that are added when it is read. */
export function describeRoutes<F extends Fields, R = RecordFields<F>, X = unknown>(
  collection: Collection,
  shapes: Shapes = {},
) {
  const { name, title } = collection;
  const one = `${/^[aeiou]/i.test(title) ? "an" : "a"} ${title}`;
  const many = name.replaceAll("_", " ");
  const written = shapes.record ?? collection.schemas.record;
  const record = written as Schema<R & SystemFields>;
  const read = (shapes.computed ? withComputed(written, shapes.computed, title) : written) as Schema<
    R & SystemFields & X
  >;
  const create = collection.schemas.create as Schema<CreateFields<F> & { id?: string | undefined }>;
  const patch = collection.schemas.patch as Schema<PatchFields<F>>;
  const page = z.object({ items: z.array(read), next_cursor: z.string().nullable() });
  const body = <T extends z.ZodType>(schema: T) => ({ required: true, content: { "application/json": { schema } } });
  const isCopied = collection.placement.kind === "replicated";
  const readHeaders = isCopied ? sourceHeaders : undefined;
  const oneHeaders = isCopied ? recordHeaders.extend(sourceHeaders.shape) : recordHeaders;
  const common = { tags: [name], security: [{ bearer: [] }], middleware: requireUser };
  const withBody = { ...common, middleware: [requireUser, requireBody] as [typeof requireUser, typeof requireBody] };
  const withExact = (shape: "record" | "batch") => ({
    ...common,
    middleware: [...withBody.middleware, exactBody(collection, shape)] as [
      ...typeof withBody.middleware,
      ReturnType<typeof exactBody>,
    ],
  });
  const [withRecord, withBatch] = [withExact("record"), withExact("batch")];

  return {
    create: createRoute({
      ...withRecord,
      method: "post",
      path: "/",
      summary: `Create ${one}`,
      request: { body: body(create), headers: idempotencyHeader },
      responses: {
        201: json(record, "created, or made by an earlier try with this Idempotency-Key", createdHeaders),
        ...problems(400, 401, 403, 409, 410, 413, 415, 422, 503, 507),
      },
    }),
    batch: createRoute({
      ...withBatch,
      method: "post",
      path: "/batch",
      summary: `Create, change and delete up to ${MAX_OPERATIONS} ${many} in one request`,
      description:
        "Each operation stands by itself and has an outcome of its own, in their order; one that is refused undoes no other. Those of one record are done in their order, all others in any. After a lost answer the same body may be sent again: creates with an idempotency_key and writes with if_match are then not done twice.",
      request: {
        body: body(
          batchSchema<CreateFields<F> & { id?: string | undefined }, PatchFields<F>>(collection) as Schema<{
            operations: Operation<CreateFields<F> & { id?: string | undefined }, PatchFields<F>>[];
          }>,
        ),
      },
      responses: {
        200: json(
          outcomesSchema(record) as unknown as Schema<{ results: Outcome<R & SystemFields>[] }>,
          "what became of each",
        ),
        ...problems(400, 401, 403, 409, 413, 415, 422, 503),
      },
    }),
    merge: createRoute({
      ...withBody,
      method: "post",
      path: "/{id}/merge",
      summary: `Merge ${one} into another: what refers to it refers to that one, then it is deleted`,
      description:
        "In steps that may be made again: after a 503 or a lost answer send the same once more, and what is left is done. 404 then says that all of it was.",
      request: { params: idParameter, body: body(mergeSchema) },
      responses: {
        200: json(movedSchema, "how many records have moved, by collection"),
        ...problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
      },
    }),
    list: createRoute({
      ...common,
      method: "get",
      path: "/",
      summary: `List ${many}`,
      request: { query: queryParameters(collection, "list") },
      responses: { 200: json(page, "one page", readHeaders), ...problems(400, 401, 403, 409, 503) },
    }),
    count: createRoute({
      ...common,
      method: "get",
      path: "/count",
      summary: `Count ${many}`,
      request: { query: queryParameters(collection, "selection") },
      responses: { 200: json(countSchema, "how many there are", readHeaders), ...problems(400, 401, 403, 409, 503) },
    }),
    summary: createRoute({
      ...common,
      method: "get",
      path: "/summary",
      summary: `Add up ${many}, per group and currency`,
      request: { query: queryParameters(collection, "summary") },
      responses: {
        200: json(summarySchema, "sorted by key, then currency", readHeaders),
        ...problems(400, 401, 403, 409, 503),
      },
    }),
    exportCsv: createRoute({
      ...common,
      method: "get",
      path: "/export.csv",
      summary: `Export ${many} as CSV`,
      request: { query: queryParameters(collection, "export") },
      responses: {
        200: {
          description: "RFC 4180, streamed",
          content: { "text/csv": { schema: z.string() } },
          ...(readHeaders && { headers: readHeaders }),
        },
        ...problems(400, 401, 403, 409, 503),
      },
    }),
    get: createRoute({
      ...common,
      method: "get",
      path: "/{id}",
      summary: `Read ${one}`,
      request: { params: idParameter, headers: ifNoneMatchHeader },
      responses: {
        200: json(read, "the record", oneHeaders),
        304: {
          description: shapes.computed ? "never: what is computed may have changed" : "as it was",
          headers: oneHeaders,
        },
        ...problems(400, 401, 403, 404, 409, 503),
      },
    }),
    update: createRoute({
      ...withRecord,
      method: "patch",
      path: "/{id}",
      summary: `Change ${one}; null clears an optional field`,
      request: { params: idParameter, headers: ifMatchHeader, body: body(patch) },
      responses: {
        200: json(record, "the record as it is now", recordHeaders),
        ...problems(400, 401, 403, 404, 409, 412, 413, 415, 422, 503, 507),
      },
    }),
    remove: createRoute({
      ...common,
      method: "delete",
      path: "/{id}",
      summary: `Delete ${one}`,
      request: { params: idParameter, headers: ifMatchHeader },
      responses: { 204: { description: "deleted" }, ...problems(400, 401, 403, 404, 409, 412, 503, 507) },
    }),
  };
}

function withComputed(record: z.ZodType, fields: z.ZodRawShape, title: string): z.ZodType {
  const component = title.replace(/(?:^|[ _])(\w)/g, (_, letter: string) => letter.toUpperCase());
  return (record as z.ZodObject).extend(fields).meta({ id: `${component}Read` });
}
