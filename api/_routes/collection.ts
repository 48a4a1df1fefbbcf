/** The routes of any collection, from its definition; `F` are its fields, for the client's types. */
import type { Context } from "hono";
import type { z } from "zod";
import { allCollections } from "../../shared/collections/index.ts";
import { MAX_LIMIT } from "../../shared/contract/query.ts";
import type { Repository } from "../../shared/contract/repository.ts";
import { validated } from "../../shared/contract/validate.ts";
import type { Collection } from "../../shared/definition/define.ts";
import type { Fields } from "../../shared/definition/fields.ts";
import { referencesTo } from "../../shared/definition/references.ts";
import type { ReadPlace } from "../../shared/placement/service.ts";
import { mergeRecords } from "../../shared/repository/merge.ts";
import { type Operation, runBatch } from "../_batch.ts";
import { etagOf, expectedVersion, parseTags, refuseOlder } from "../_conditions.ts";
import { csvStream } from "../_csv.ts";
import { columnsOf } from "../_csv-cells.ts";
import type { AppEnv } from "../_environment.ts";
import { idempotencyOf, idempotencySecret } from "../_idempotency.ts";
import { flagOf, queryOf, refuseParameters, repositoryOf, serviceOf, sumTimings, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { describeRoutes } from "./describe.ts";
import { describeImport, importHandler } from "./import.ts";

type Row = Record<string, unknown>;
type AnyRecord = Row & { id: string; version: number };
/** The types of bodies and answers come from the route's description; inside, all collections are alike. */
type Handler = (c: Context<AppEnv> & { req: { valid(target: string): never } }) => Promise<Response>;

export function collectionRoutes<F extends Fields>(collection: Collection) {
  const path = `/api/${collection.name}`;
  const schemas = collection.schemas as Record<"create" | "patch", z.ZodType<Row>>;
  const open = (c: Context<AppEnv>, deadlineMs?: number, reads?: ReadPlace) =>
    repositoryOf(c, collection, deadlineMs, reads) as unknown as Promise<Repository<AnyRecord, Row, Row>>;
  const routes = describeRoutes<F>(collection);

  const create: Handler = async (c) => {
    const body: Row & { id?: string } = c.req.valid("json");
    const { config } = c.get("dependencies");
    const key = c.req.header("idempotency-key");
    const secret = key === undefined ? "" : await idempotencySecret(config);
    const repeat = await idempotencyOf(key, secret, c.get("user").id, path, body);
    const repository = await open(c, undefined, "primary");
    const given = validated(schemas.create, repeat ? { ...body, id: repeat.id } : body);
    const record = unwrap(await repository.create(given, repeat && { idempotencyHash: repeat.idempotencyHash }));
    return c.json(record, 201, { etag: etagOf(record), location: `${path}/${record.id}` });
  };

  const batch: Handler = async (c) => {
    const { operations }: { operations: Operation[] } = c.req.valid("json");
    const repository = await open(c, c.get("dependencies").config.BATCH_DEADLINE_MS, "primary");
    const results = await runBatch(c, repository, path, operations);
    sumTimings(c);
    return c.json({ results });
  };

  const merge: Handler = async (c) => {
    const { id: from }: { id: string } = c.req.valid("param");
    const { into }: { into: string } = c.req.valid("json");
    const service = await serviceOf(c, c.get("dependencies").config.BATCH_DEADLINE_MS, "primary");
    const moved = unwrap(
      await mergeRecords({
        all: allCollections,
        repository: (of) => service.repository(of) as never,
        collection,
        from,
        into,
      }),
    );
    sumTimings(c);
    return c.json({ moved });
  };

  const list: Handler = async (c) => {
    const query = queryOf(c, "list", collection);
    return c.json(unwrap(await (await open(c)).list(query)));
  };

  const count: Handler = async (c) => {
    const query = queryOf(c, "selection", collection);
    return c.json({ count: unwrap(await (await open(c)).count(query)) });
  };

  const summary: Handler = async (c) => {
    const query = queryOf(c, "summary", collection);
    return c.json({ items: unwrap(await (await open(c)).summarize(query)) });
  };

  const exportCsv: Handler = async (c) => {
    refuseParameters(c, "limit", "cursor");
    const bom = flagOf(c, "bom");
    const query = { ...queryOf(c, "list", collection, ["bom"]), limit: MAX_LIMIT };
    const { EXPORT_DEADLINE_MS } = c.get("dependencies").config;
    const repository = await open(c, EXPORT_DEADLINE_MS, "as-begun");
    // before the headers are sent, so that what goes wrong at once is a problem
    const first = unwrap(await repository.list(query));
    const named = async (target: string) => {
      const found = allCollections.find(({ name }) => name === target) as Collection;
      return (await repositoryOf(c, found, EXPORT_DEADLINE_MS, "as-begun")) as unknown as typeof repository;
    };
    const columns = columnsOf(collection, allCollections);
    return c.body(csvStream({ columns, repository, query, first, named, bom }), 200, {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="${collection.name}.csv"`,
    });
  };

  const get: Handler = async (c) => {
    const { id }: { id: string } = c.req.valid("param");
    const known = parseTags("If-None-Match", c.req.header("if-none-match"));
    const record = unwrap(await (await open(c)).get(id));
    const etag = etagOf(record);
    refuseOlder(c, record, known);
    // weak comparison (RFC 9110, 13.1.2)
    const unchanged = known === "*" || known?.some((tag) => tag.replace(/^W\//, "") === etag);
    return unchanged ? c.body(null, 304, { etag }) : c.json(record, 200, { etag });
  };

  const update: Handler = async (c) => {
    const { id }: { id: string } = c.req.valid("param");
    const repository = await open(c, undefined, "primary");
    const condition = unwrap(await expectedVersion(c.req.header("if-match"), repository, id));
    const record = unwrap(await repository.update(id, validated(schemas.patch, c.req.valid("json")), condition));
    return c.json(record, 200, { etag: etagOf(record) });
  };

  const remove: Handler = async (c) => {
    const { id }: { id: string } = c.req.valid("param");
    const repository = await open(c, undefined, "primary");
    const condition = unwrap(await expectedVersion(c.req.header("if-match"), repository, id));
    unwrap(await repository.delete(id, condition));
    return c.body(null, 204);
  };

  const importCsv = describeImport(collection);
  const named = createRoutes()
    .openapi(routes.count, count as never)
    .openapi(routes.summary, summary as never)
    .openapi(routes.exportCsv, exportCsv as never)
    .openapi(importCsv, importHandler(collection, allCollections) as never)
    .openapi(routes.batch, batch as never);
  // another method of a path that has a name is not taken, and the name is not taken for a record's id
  for (const { path: name } of [routes.count, routes.summary, routes.exportCsv, importCsv, routes.batch])
    named.all(name, (c) => c.notFound());
  // of a collection that nothing refers to there is nothing to merge
  const isReferredTo = referencesTo(collection.name, allCollections).length > 0;
  const merging = isReferredTo ? named.openapi(routes.merge, merge as never) : (named as never);
  return (merging as ReturnType<typeof named.openapi<typeof routes.merge>>)
    .openapi(routes.create, create as never)
    .openapi(routes.list, list as never)
    .openapi(routes.get, get as never)
    .openapi(routes.update, update as never)
    .openapi(routes.remove, remove as never);
}
