/** The one record that an owner has at most, asked for without its id. */
import { err, ok } from "neverthrow";
import { notFound } from "../contract/errors.ts";
import type { Answer, Repository } from "../contract/repository.ts";

type Row = Record<string, unknown>;
type One = Row & { id: string; version: number };

/**
 * `get`, `update` and `delete` mean that record, whatever id they are given; without one, `not_found`. All else is as it was:
 * of creates at the same time the collection's unique key of no fields lets one through, and the others are `duplicate`.
 *
 * `missing` says what it means that none is listed, where the list may come from a copy; `not_found` unless told.
 */
export function onlyOneOf(
  records: Repository<One, Row, Row>,
  missing: () => ReturnType<typeof notFound> = notFound,
): Repository<One, Row, Row> {
  const find = async (): Answer<One> => {
    const found = await records.list({ filters: [], sort: { field: "created_at", direction: "asc" }, limit: 1 });
    return found.andThen(({ items: [only] }) => (only ? ok(only) : err(missing())));
  };
  return {
    ...records,
    get: find,
    async update(_, patch, options) {
      const found = await find();
      return found.isErr() ? err(found.error) : records.update(found.value.id, patch, options);
    },
    async delete(_, options) {
      const found = await find();
      return found.isErr() ? err(found.error) : records.delete(found.value.id, options);
    },
  };
}
