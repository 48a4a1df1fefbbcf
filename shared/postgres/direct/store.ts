/**
 * A `Store` over the driver: every call is one round trip of plain SQL. What was refused for a reason that SQL alone does
 * not tell (which reference is missing, what an idempotency key has made, whether the record has another version) is asked
 * again of the functions that the REST store calls, which know it: nothing of it was written, and they answer what is so
 * by then.
 */
import { err, ok } from "neverthrow";
import { invalid, notFound, type RepositoryError } from "../../contract/errors.ts";
import { unknownTimeZone } from "../../contract/query.ts";
import type { Answer } from "../../contract/repository.ts";
import type { Collection } from "../../definition/define.ts";
import type { Row, Selected, Store } from "../../repository/store.ts";
import { type Refusal, refusalOf } from "../refusals.ts";
import { recordColumns, toRecord, toRow } from "../rows.ts";
import type { Caller } from "./caller.ts";
import { tableOf } from "./columns.ts";
import type { Given, PostgresConnection } from "./connection.ts";
import { failureOf, sqlstateOf } from "./failures.ts";
import { groupParameters, toGroups } from "./groups.ts";
import type { Sql } from "./sql.ts";
import { callFunction, countRows, deleteRow, getRow, insertRow, listRows, updateRow } from "./statements.ts";

/** One caller's rows. With `signal`, a call that has not been sent when it is aborted is not sent any more. */
export function directStore(connection: PostgresConnection, caller: Caller, signal?: AbortSignal): Store {
  const owner = caller.id;

  const read = async <T>(statement: Sql, found: (given: Given) => T, refusal = readRefusal): Answer<T> => {
    try {
      return ok(found(await connection.run(caller, statement, signal)));
    } catch (error) {
      return err(failureOf(error, refusal));
    }
  };

  /** `again`: the call of the function that can say more, and for which refusals it has to. */
  async function write(collection: Collection, statement: Sql, again: Again): Answer<Row> {
    let given: Given;
    try {
      given = await connection.run(caller, statement, signal);
    } catch (error) {
      const sqlstate = sqlstateOf(error);
      if (sqlstate !== undefined && again.after(sqlstate)) return byFunction(collection, again);
      return err(failureOf(error, (code) => writeRefusal(collection, { error: code }, again.isDelete)));
    }
    if (given.count === 0) return again.knowsAbsence ? byFunction(collection, again) : err(notFound());
    const [row] = given.rows;
    return ok(row ? tableOf(collection).toRecord(row) : {});
  }

  async function byFunction(collection: Collection, { name, parameters, isDelete }: Again): Answer<Row> {
    const call = callFunction(name, { p_collection: collection.name, ...parameters });
    const refusal = (error: string) => writeRefusal(collection, { error }, isDelete);
    const answer = await read(call, jsonOf, refusal);
    return answer.andThen((json) => {
      const given = json as { record?: Row } | Refusal;
      if ("error" in given) return err(refusalOf(collection, given, isDelete));
      return ok(given.record ? toRecord(collection, given.record) : {});
    });
  }

  const key = (id: string) => ({ p_user_id: owner, p_id: id });
  const selection = ({ filters, search }: Selected): Row => ({
    p_user_id: owner,
    p_filters: JSON.stringify(filters.map((filter) => ({ ...filter, value: String(filter.value) }))),
    p_search: search ?? null,
  });

  return {
    create(collection, id, values, hash) {
      const made_by = hash === undefined ? {} : { create_hash: hash };
      const row = { [collection.scope.field]: owner, id, ...toRow(collection, values), ...made_by };
      return write(collection, insertRow(collection, row), {
        name: "records_create",
        parameters: { p_record: JSON.stringify(row), p_columns: JSON.stringify(recordColumns(collection)) },
        after: (code) => wantsMore(code) || (code === "23505" && hash !== undefined),
      });
    },

    async get(collection, id) {
      const found = await read(getRow(collection, owner, id), ({ rows: [row] }) => row);
      return found.andThen((row) => (row ? ok(tableOf(collection).toRecord(row)) : err(notFound())));
    },

    list(collection, page) {
      const { toRecord } = tableOf(collection);
      return read(listRows(collection, owner, page), ({ rows }) => rows.map(toRecord));
    },

    update(collection, id, changes, expectedVersion) {
      const version = versionOf(expectedVersion);
      const row = toRow(collection, changes);
      return write(collection, updateRow(collection, owner, id, row, version), {
        name: "records_update",
        parameters: {
          ...key(id),
          p_changes: JSON.stringify(row),
          p_version: version ?? null,
          p_columns: JSON.stringify(recordColumns(collection)),
        },
        after: wantsMore,
        knowsAbsence: version !== undefined,
      });
    },

    async delete(collection, id, expectedVersion) {
      const version = versionOf(expectedVersion);
      const deleted = await write(collection, deleteRow(collection, owner, id, version), {
        name: "records_delete",
        parameters: { ...key(id), p_version: version ?? null },
        after: isRolledBackBy,
        knowsAbsence: version !== undefined,
        isDelete: true,
      });
      return deleted.map(() => undefined);
    },

    count: (collection, selected) =>
      read(countRows(collection, owner, selected), ({ rows: [row] }) => Number(row?.[0] ?? 0)),

    group(collection, grouping) {
      const parameters = {
        p_collection: collection.name,
        ...selection(grouping),
        ...groupParameters(collection, grouping),
      };
      const isZoned = grouping.by?.month !== undefined && parameters.p_month !== "day";
      return read(
        callFunction("records_summarize", parameters),
        (given) => toGroups(collection, grouping, jsonOf(given)),
        (code) => (isZoned && code.startsWith("22") ? unknownTimeZone() : readRefusal(code)),
      );
    },
  };
}

interface Again {
  name: string;
  parameters: Row;
  /** the SQLSTATEs after which the function is asked */
  after(sqlstate: string): boolean;
  /** no row was found, and the function knows whether there is one with another version */
  knowsAbsence?: boolean;
  isDelete?: boolean;
}

const isRolledBackBy = (sqlstate: string) => /^(40001|40P01)$/.test(sqlstate);

/** Rolled back because others were in the way, or a reference is missing. */
const wantsMore = (sqlstate: string) => sqlstate === "23503" || isRolledBackBy(sqlstate);

const jsonOf = ({ rows: [row] }: Given): unknown => JSON.parse(String(row?.[0]));

/** What no record can have is matched by none, and not refused as out of range. */
const versionOf = (expected: number | undefined): number | undefined =>
  expected === undefined || Number.isSafeInteger(expected) ? expected : -1;

const OF_THE_REQUEST = /^(22...|23...|SY...|42501|P0002)$/;

const writeRefusal = (collection: Collection, refusal: Refusal, isDelete = false): RepositoryError | undefined =>
  OF_THE_REQUEST.test(refusal.error) ? refusalOf(collection, refusal, isDelete) : undefined;

/** Such as a number that is out of range. Row-level security refuses no read. */
const readRefusal = (code: string): RepositoryError | undefined =>
  code.startsWith("22") ? invalid("invalid_query", "The database cannot understand this query.") : undefined;
