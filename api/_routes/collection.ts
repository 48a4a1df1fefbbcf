/** The routes of any collection, from its definition; `F` are its fields, `X` those computed, for the client's types. */
import { allCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";
import type { Fields, RecordFields } from "../../shared/definition/fields.ts";
import { referencesTo } from "../../shared/definition/references.ts";
import { mergeRecords } from "../../shared/repository/merge.ts";
import { type Operation, runBatch } from "../_batch.ts";
import { computedOf } from "../_computed.ts";
import { serviceOf, sumTimings, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";
import { describeRoutes } from "./describe.ts";
import { type Handler, idIn, openAny, recordHandlers } from "./handlers.ts";
import { describeImport, importHandler } from "./import.ts";

export function collectionRoutes<F extends Fields, X = unknown>(collection: Collection) {
  const path = `/api/${collection.name}`;
  const open = openAny(collection);
  const computed = computedOf(collection.name);
  const routes = describeRoutes<F, RecordFields<F>, X>(collection, { computed: computed?.fields });
  const handlers = recordHandlers({ collection, open, path: () => path, id: idIn, computed });

  const batch: Handler = async (c) => {
    const { operations }: { operations: Operation[] } = c.req.valid("json");
    const repository = await open(c, c.get("dependencies").config.BATCH_DEADLINE_MS, "primary");
    const results = await runBatch(c, repository, path, operations);
    sumTimings(c);
    const idOf = (at: number) => results[at]?.record?.id ?? (operations[at] as { id?: string }).id ?? "";
    c.set(
      "changed",
      results.flatMap(({ problem }, at) => (problem ? [] : [idOf(at)])),
    );
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

  const importCsv = describeImport(collection);
  const named = createRoutes()
    .openapi(routes.count, handlers.count as never)
    .openapi(routes.summary, handlers.summary as never)
    .openapi(routes.exportCsv, handlers.exportCsv as never)
    .openapi(importCsv, importHandler(collection, allCollections) as never)
    .openapi(routes.batch, batch as never);
  // another method of a path that has a name is not taken, and the name is not taken for a record's id
  for (const { path: name } of [routes.count, routes.summary, routes.exportCsv, importCsv, routes.batch])
    named.all(name, (c) => c.notFound());
  // of a collection that nothing refers to there is nothing to merge
  const isReferredTo = referencesTo(collection.name, allCollections).length > 0;
  const merging = isReferredTo ? named.openapi(routes.merge, merge as never) : (named as never);
  return (merging as ReturnType<typeof named.openapi<typeof routes.merge>>)
    .openapi(routes.create, handlers.create as never)
    .openapi(routes.list, handlers.list as never)
    .openapi(routes.get, handlers.get as never)
    .openapi(routes.update, handlers.update as never)
    .openapi(routes.remove, handlers.remove as never);
}
