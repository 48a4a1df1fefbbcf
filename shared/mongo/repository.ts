/** The contract over MongoDB: one collection's records of one user. */
import { err, ok } from "neverthrow";
import { decodeCursor, encodeCursor, type Keyset } from "../contract/cursor.ts";
import { notFound } from "../contract/errors.ts";
import { checkQuery } from "../contract/query.ts";
import type { Page, Repository } from "../contract/repository.ts";
import { validate } from "../contract/validate.ts";
import type { Collection } from "../definition/define.ts";
import { deleteRecord } from "./delete.ts";
import { homeId, type Row, toRecord } from "./documents.ts";
import { attempt } from "./failures.ts";
import type { WriteLimits } from "./pace.ts";
import { afterFilter, selectionFilter, sortOf } from "./queries.ts";
import { summarize } from "./summaries.ts";
import { createRecord, isId, updateRecord } from "./writes.ts";

export interface Context extends WriteLimits {
  userId: string;
  now: () => number;
  newId: () => string;
  /** every collection of the application: a deletion looks for children in those that refer here */
  all: readonly Collection[];
}

export function createRepository(collection: Collection, context: Context): Repository<Row, Row, Row> {
  const { db, userId, maxTimeMs } = context;
  const records = db.collection(collection.name);
  const options = { maxTimeMS: maxTimeMs };

  return {
    async create(input, createOptions = {}) {
      const body = validate(collection.schemas.create, input);
      if (body.isErr()) return err(body.error);
      const { id = context.newId(), ...values } = body.value as Row & { id?: string };
      return attempt(() => createRecord(context, collection, id, values, createOptions));
    },

    async get(id) {
      if (!isId(id)) return err(notFound());
      return attempt(async () => {
        const found = await records.findOne({ _id: homeId(userId, id) as never, _deleted_at: null }, options);
        return found ? ok(toRecord(collection, userId, found)) : err(notFound());
      });
    },

    async list(query) {
      const problem = checkQuery(collection, query);
      if (problem) return err(problem);
      const after = decodeCursor(userId, collection, query);
      if (after.isErr()) return err(after.error);
      const selection = selectionFilter(collection, userId, query);
      const filter = after.value ? { $and: [selection, afterFilter(collection, query.sort, after.value)] } : selection;
      return attempt<Page<Row>>(async () => {
        // one more than asked for says whether there is another page; a batch as large saves a getMore
        const limit = query.limit + 1;
        const found = await records
          .find(filter, { ...options, limit, batchSize: limit + 1, sort: sortOf(query.sort) })
          .toArray();
        const items = found.slice(0, query.limit).map((document) => toRecord(collection, userId, document));
        const last = items.at(-1);
        if (!last || found.length <= query.limit) return ok({ items, next_cursor: null });
        const keyset = { key: last[query.sort.field] as Keyset["key"], id: String(last.id) };
        return ok({ items, next_cursor: encodeCursor(userId, collection, query, keyset) });
      });
    },

    async update(id, patch, writeOptions = {}) {
      const body = validate(collection.schemas.patch, patch);
      if (body.isErr()) return err(body.error);
      if (!isId(id)) return err(notFound());
      return attempt(() => updateRecord(context, collection, id, body.value as Row, writeOptions));
    },

    async delete(id, { expectedVersion } = {}) {
      if (!isId(id)) return err(notFound());
      return attempt(() => deleteRecord(context, collection, id, expectedVersion));
    },

    async count(selection) {
      const problem = checkQuery(collection, selection);
      if (problem) return err(problem);
      return attempt(async () =>
        ok(await records.countDocuments(selectionFilter(collection, userId, selection), options)),
      );
    },

    async summarize(query) {
      const problem = checkQuery(collection, query);
      return problem ? err(problem) : attempt(() => summarize(context, collection, query));
    },
  };
}
