/** A store over Supabase's REST: one call of one function for each operation, with the user's own token. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { notFound } from "../contract/errors.ts";
import { anyOf } from "../contract/query.ts";
import type { Answer } from "../contract/repository.ts";
import { type Collection, identityOf } from "../definition/define.ts";
import type { PageRequest, Row, Store } from "../repository/store.ts";
import { call, type PostgrestLike } from "./calls.ts";
import { ownerOf, selectedOf, versionOf } from "./function-parameters.ts";
import { countRequest, type GroupRow, groupRequest, groupsOf, refuseZone } from "./groups.ts";
import { type Refusal, refusalOf } from "./refusals.ts";
import { recordColumns, toRecord, toRow } from "./rows.ts";

export interface RestStoreOptions {
  /** a supabase-js client that acts with the caller's token, so that row-level security holds */
  client: PostgrestLike;
  /** the caller's id */
  userId: string;
  /** what is kept there, by name */
  all: ReadonlyMap<string, Collection>;
  /** ends every call that is still under way */
  signal?: AbortSignal | undefined;
}

/** The caller's rows in the Postgres behind that client. */
export function createRestStore({ client, userId, all, signal }: RestStoreOptions): Store {
  const run = <T>(name: string, collection: Collection, parameters: Row): Promise<Result<T, RepositoryError>> =>
    call(client, name, { p_collection: collection.name, p_user_id: userId, ...parameters }, signal) as Promise<
      Result<T, RepositoryError>
    >;

  async function write(name: string, collection: Collection, parameters: Row, deleting = false): Answer<Row> {
    const answer = await run<{ record: Row } | Refusal>(name, collection, parameters);
    if (answer.isErr()) return err(answer.error);
    if ("error" in answer.value) return err(refusalOf(collection, answer.value, deleting));
    return ok(answer.value.record ? toRecord(collection, answer.value.record) : {});
  }

  const list = async (collection: Collection, page: PageRequest): Answer<Row[]> => {
    const { order, after, limit, owners, ...selected } = page;
    const { filters } = selected;
    const { owner } = identityOf(collection);
    const rows = await run<Row[]>("records_list", collection, {
      ...selectedOf(owners ? { ...selected, filters: [...filters, anyOf(owner, owners)] } : selected),
      ...(owners && { p_user_id: null }),
      ...ownerOf(collection),
      p_order: JSON.stringify(order.map(({ field, direction }) => ({ field, descending: direction === "desc" }))),
      p_after: after ? JSON.stringify(after) : null,
      p_limit: limit,
      p_columns: columnsOf(collection),
    });
    return rows.map((found) => found.map((row) => toRecord(collection, row)));
  };

  return {
    list,

    create: (collection, id, values, idempotencyHash) => {
      const hash = idempotencyHash === undefined ? {} : { create_hash: idempotencyHash };
      const record = { ...toRow(values), ...hash, [identityOf(collection).owner]: userId, id };
      return write("records_create", collection, {
        // the record says whose it is
        p_user_id: undefined,
        ...ownerOf(collection),
        p_record: JSON.stringify(record),
        p_columns: columnsOf(collection),
      });
    },

    async get(collection, id) {
      const found = await list(collection, {
        filters: [{ field: "id", operator: "eq", value: id }],
        order: [{ field: "id", direction: "asc" }],
        limit: 1,
      });
      return found.andThen(([record]) => (record ? ok(record) : err(notFound())));
    },

    update: (collection, id, changes, expectedVersion) =>
      write("records_update", collection, {
        ...ownerOf(collection),
        p_id: id,
        p_changes: JSON.stringify(toRow(changes)),
        p_version: versionOf(expectedVersion),
        p_columns: columnsOf(collection),
      }),

    async delete(collection, id, expectedVersion) {
      const parameters = { ...ownerOf(collection), p_id: id, p_version: versionOf(expectedVersion) };
      return (await write("records_delete", collection, parameters, true)).map(() => undefined);
    },

    async count(collection, selected) {
      const parameters = { ...selectedOf(selected), ...ownerOf(collection), ...countRequest };
      const groups = await run<GroupRow[]>("records_summarize", collection, parameters);
      return groups.map(([all]) => Number(all?.count ?? 0));
    },

    async group(collection, grouping) {
      const parameters = {
        ...selectedOf(grouping),
        ...ownerOf(collection),
        ...groupRequest(collection, grouping, all),
      };
      const groups = await run<GroupRow[]>("records_summarize", collection, parameters);
      return groups.map((rows) => groupsOf(collection, grouping, rows)).mapErr(refuseZone(collection, grouping));
    },
  };
}

const columnsOf = (collection: Collection): string => JSON.stringify(recordColumns(collection));
