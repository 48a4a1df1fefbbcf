/** The contract over Supabase's REST: one call of one function for each operation, with the user's own token. */
import { err, ok, type Result } from "neverthrow";
import { decodeCursor, encodeCursor, type Keyset } from "../contract/cursor.ts";
import { notFound, type RepositoryError } from "../contract/errors.ts";
import { checkQuery, type Filter, type ListQuery, type Selection } from "../contract/query.ts";
import type { Answer, CreateOptions, Page, Repository, WriteOptions } from "../contract/repository.ts";
import { validate } from "../contract/validate.ts";
import type { Collection } from "../definition/define.ts";
import { uuidSchema } from "../definition/fields.ts";
import { fold } from "../values/text.ts";
import { call, type PostgrestLike } from "./calls.ts";
import { type Refusal, refusalOf } from "./refusals.ts";
import { type Row, recordColumns, toRecord, toRow } from "./rows.ts";
import { summarize, totalOf } from "./summaries.ts";

export interface Context {
  client: PostgrestLike;
  userId: string;
  newId: () => string;
  signal?: AbortSignal | undefined;
}

/** One collection's records of one user. */
export function createRepository(collection: Collection, context: Context): Repository<Row, Row, Row> {
  const { userId } = context;
  const columns = JSON.stringify(recordColumns(collection));
  const run = <T>(name: string, parameters: Row): Promise<Result<T, RepositoryError>> =>
    call(context.client, name, { p_collection: collection.name, ...parameters }, context.signal) as Promise<
      Result<T, RepositoryError>
    >;

  async function write(name: string, parameters: Row, deleting = false): Answer<Row> {
    const answer = await run<{ record: Row } | Refusal>(name, parameters);
    if (answer.isErr()) return err(answer.error);
    if ("error" in answer.value) return err(refusalOf(collection, answer.value, deleting));
    return ok(answer.value.record ? toRecord(collection, answer.value.record) : {});
  }

  const read = async (query: Omit<ListQuery, "cursor">, limit: number, after?: Keyset): Answer<Row[]> => {
    const rows = await run<Row[]>("records_list", {
      ...selection(userId, query),
      p_sort: query.sort.field,
      p_descending: query.sort.direction === "desc",
      p_after: after ? JSON.stringify(after) : null,
      p_limit: limit,
      p_columns: columns,
    });
    return rows.map((found) => found.map((row) => toRecord(collection, row)));
  };

  return {
    async create(input: Row, { idempotencyHash }: CreateOptions = {}) {
      const body = validate(collection.schemas.create, input);
      if (body.isErr()) return err(body.error);
      const { id = context.newId(), ...fields } = body.value as Row;
      const hash = idempotencyHash === undefined ? {} : { create_hash: idempotencyHash };
      return write("records_create", {
        p_record: JSON.stringify({ ...toRow(collection, fields), ...hash, user_id: userId, id }),
        p_columns: columns,
      });
    },

    async get(id: string) {
      if (!isId(id)) return err(notFound());
      const found = await read(
        { filters: [{ field: "id", operator: "eq", value: id }], sort: { field: "id", direction: "asc" }, limit: 1 },
        1,
      );
      return found.andThen(([record]) => (record ? ok(record) : err(notFound())));
    },

    async list(query: ListQuery): Answer<Page<Row>> {
      const problem = checkQuery(collection, query);
      if (problem) return err(problem);
      const after = decodeCursor(userId, collection, query);
      if (after.isErr()) return err(after.error);
      // one more than asked for says whether there is another page
      const found = await read(query, query.limit + 1, after.value);
      if (found.isErr()) return err(found.error);
      const items = found.value.slice(0, query.limit);
      const last = items.at(-1);
      if (!last || found.value.length <= query.limit) return ok({ items, next_cursor: null });
      const keyset = { key: last[query.sort.field] as Keyset["key"], id: String(last.id) };
      return ok({ items, next_cursor: encodeCursor(userId, collection, query, keyset) });
    },

    async update(id: string, patch: Row, { expectedVersion }: WriteOptions = {}) {
      const body = validate(collection.schemas.patch, patch);
      if (body.isErr()) return err(body.error);
      if (!isId(id)) return err(notFound());
      return write("records_update", {
        p_user_id: userId,
        p_id: id,
        p_changes: JSON.stringify(toRow(collection, body.value as Row)),
        p_version: versionOf(expectedVersion),
        p_columns: columns,
      });
    },

    async delete(id: string, { expectedVersion }: WriteOptions = {}) {
      if (!isId(id)) return err(notFound());
      const parameters = { p_user_id: userId, p_id: id, p_version: versionOf(expectedVersion) };
      return (await write("records_delete", parameters, true)).map(() => undefined);
    },

    async count(query: Selection) {
      const problem = checkQuery(collection, query);
      return problem ? err(problem) : totalOf(run, selection(userId, query));
    },

    async summarize(query) {
      const problem = checkQuery(collection, query);
      return problem ? err(problem) : summarize(run, collection, selection(userId, query), query);
    },
  };
}

const isId = (id: string): boolean => uuidSchema.safeParse(id).success;

/** What no record can have is matched by none, and not refused as out of range. */
const versionOf = (expected: number | undefined): number | null =>
  expected === undefined ? null : Number.isSafeInteger(expected) ? expected : -1;

const selection = (userId: string, { filters, q }: { filters: readonly Filter[]; q?: string | undefined }): Row => ({
  p_user_id: userId,
  p_filters: JSON.stringify(filters.map(({ field, operator, value }) => ({ field, operator, value: String(value) }))),
  p_search: q ? fold(q) : null,
});
