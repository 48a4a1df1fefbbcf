/**
 * A store over the driver: every call is one round trip of plain SQL. What was refused for a reason that SQL alone does
 * not tell (which reference is missing, what an idempotency key has made, whether the record has another version) is asked
 * again of the functions that the REST store calls, which know it: nothing of it was written, and they answer what is so
 * by then.
 */
import { err, ok } from "neverthrow";
import { notFound } from "../../contract/errors.ts";
import type { Answer } from "../../contract/repository.ts";
import { type Collection, identityOf } from "../../definition/define.ts";
import type { Row, Store } from "../../repository/store.ts";
import { isRolledBack } from "../failures.ts";
import { ownerOf, selectedOf, versionOf } from "../function-parameters.ts";
import { type GroupRow, groupRequest, groupsOf, refuseZone } from "../groups.ts";
import { type Refusal, refusalOf } from "../refusals.ts";
import { recordColumns, toRecord, toRow } from "../rows.ts";
import type { Claims } from "./claims.ts";
import type { PostgresConnection } from "./connection.ts";
import { failureOf, readRefusal, sqlstateOf, writeRefusal } from "./failures.ts";
import type { Sql } from "./sql.ts";
import { callFunction, countRows, deleteRow, getRow, insertRow, listRows, updateRow } from "./statements.ts";
import { tableOf } from "./tables.ts";
import type { Given } from "./text-query.ts";

export interface DirectStoreOptions {
  connection: PostgresConnection;
  /** who calls */
  claims: Claims;
  /** whose rows these are: the caller's own unless told */
  scope?: string | undefined;
  /** what is kept there, by name */
  all: ReadonlyMap<string, Collection>;
  /** a call that has not been sent when it is aborted is not sent any more */
  signal?: AbortSignal | undefined;
}

/** Rows as the user of those claims sees them. */
export function createDirectStore({ connection, claims, scope, all, signal }: DirectStoreOptions): Store {
  const userId = scope ?? claims.sub;
  const run = (statement: Sql) => connection.run(claims, statement, signal);

  const read = async <T>(statement: Sql, found: (given: Given) => T): Answer<T> => {
    try {
      return ok(found(await run(statement)));
    } catch (error) {
      return err(failureOf(error, readRefusal));
    }
  };

  async function write(collection: Collection, statement: Sql, { isDelete, ...again }: Again): Answer<Row> {
    try {
      const { count, rows } = await run(statement);
      if (rows[0]) return ok(tableOf(collection).toRecord(rows[0]));
      if (count > 0) return ok({});
      if (!again.knowsAbsence) return err(notFound());
    } catch (error) {
      if (!again.after(sqlstateOf(error) ?? "")) return err(failureOf(error, writeRefusal(collection, isDelete)));
    }
    return byFunction(collection, { isDelete, ...again });
  }

  async function byFunction(collection: Collection, { name, parameters, isDelete }: Again): Answer<Row> {
    try {
      const answer = jsonOf<{ record?: Row } | Refusal>(await run(callFunction(name, parameters())));
      if ("error" in answer) return err(refusalOf(collection, answer, isDelete));
      return ok(answer.record ? toRecord(collection, answer.record) : {});
    } catch (error) {
      return err(failureOf(error, writeRefusal(collection, isDelete)));
    }
  }

  const about = (collection: Collection): Row => ({ p_collection: collection.name, ...ownerOf(collection) });
  const columnsOf = (collection: Collection) => JSON.stringify(recordColumns(collection));

  return {
    create(collection, id, values, hash) {
      const madeBy = hash === undefined ? {} : { create_hash: hash };
      const row = { [identityOf(collection).owner]: userId, id, ...toRow(values), ...madeBy };
      return write(collection, insertRow(collection, row), {
        name: "records_create",
        parameters: () => ({
          ...about(collection),
          p_record: JSON.stringify(row),
          p_columns: columnsOf(collection),
        }),
        after: (sqlstate) => knowsMore(sqlstate) || (sqlstate === "23505" && hash !== undefined),
      });
    },

    async get(collection, id) {
      const found = await read(getRow(collection, userId, id), ({ rows }) => rows[0]);
      return found.andThen((row) => (row ? ok(tableOf(collection).toRecord(row)) : err(notFound())));
    },

    list: (collection, page) =>
      read(listRows(collection, userId, page), ({ rows }) => rows.map(tableOf(collection).toRecord)),

    update(collection, id, changes, expectedVersion) {
      const version = versionOf(expectedVersion);
      const row = toRow(changes);
      return write(collection, updateRow(collection, userId, id, row, version), {
        name: "records_update",
        parameters: () => ({
          ...about(collection),
          ...{ p_user_id: userId, p_id: id, p_version: version },
          ...{ p_changes: JSON.stringify(row), p_columns: columnsOf(collection) },
        }),
        after: knowsMore,
        knowsAbsence: version !== null,
      });
    },

    async delete(collection, id, expectedVersion) {
      const version = versionOf(expectedVersion);
      const deleted = await write(collection, deleteRow(collection, userId, id, version), {
        name: "records_delete",
        parameters: () => ({ ...about(collection), p_user_id: userId, p_id: id, p_version: version }),
        after: isRolledBack,
        knowsAbsence: version !== null,
        isDelete: true,
      });
      return deleted.map(() => undefined);
    },

    count: (collection, selected) => read(countRows(collection, userId, selected), ({ rows }) => Number(rows[0]?.[0])),

    async group(collection, grouping) {
      const which = { ...about(collection), p_user_id: userId, ...selectedOf(grouping) };
      const call = callFunction("records_summarize", { ...which, ...groupRequest(collection, grouping, all) });
      const groups = await read(call, (given) => groupsOf(collection, grouping, jsonOf<GroupRow[]>(given)));
      return groups.mapErr(refuseZone(collection, grouping));
    },
  };
}

/** The function that does the same, and can say more. */
interface Again {
  name: string;
  parameters: () => Row;
  /** the SQLSTATEs after which it is called */
  after(sqlstate: string): boolean;
  /** it knows, where no row was found, whether there is one with another version */
  knowsAbsence?: boolean | undefined;
  isDelete?: boolean | undefined;
}

/** It tries again, and names the references that are missing. */
const knowsMore = (sqlstate: string): boolean => sqlstate === "23503" || isRolledBack(sqlstate);

/** What a function answers. */
const jsonOf = <T>({ rows }: Given): T => JSON.parse(String(rows[0]?.[0]));
