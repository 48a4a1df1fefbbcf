/** One record's children as a repository of their own: others are not there, and none goes to another parent. */
import { err, ok } from "neverthrow";
import { busy, notFound, type RepositoryError } from "../contract/errors.ts";
import type { Filter, Selection } from "../contract/query.ts";
import type { Answer, Repository } from "../contract/repository.ts";

type Row = Record<string, unknown>;
type Child = Row & { id: string; version: number };

export interface ChildrenOptions {
  /** the same owner's */
  children: Repository<Child, Row, Row>;
  parents: Pick<Repository<Row>, "get">;
  /** the field of a child that names its parent */
  field: string;
  parent: string;
}

/** How often a write that another one came before is looked at again. */
const TRIES = 5;

/**
 * `create` sets the field. What is not a child of that parent's, `not_found`; so is everything where the parent is not there:
 * a parent without children is looked for, which takes one more call.
 */
export function childrenOf({ children, parents, field, parent }: ChildrenOptions): Repository<Child, Row, Row> {
  const within = <Q extends Selection>(query: Q): Q => {
    const own: Filter = { field, operator: "eq", value: parent };
    return { ...query, filters: [...query.filters, own] };
  };
  const unlessGone = async <T>(answer: Answer<T>, isEmpty: (value: T) => boolean): Answer<T> => {
    const found = await answer;
    if (found.isErr() || !isEmpty(found.value)) return found;
    const there = await parents.get(parent);
    return there.isErr() ? err(there.error) : found;
  };
  const get = async (id: string): Answer<Child> =>
    (await children.get(id)).andThen((child) => (child[field] === parent ? ok(child) : err(notFound())));

  /** A child that goes to another parent between being looked at and being written has another version by then. */
  const write = async <T>(
    id: string,
    expected: number | undefined,
    apply: (version: number) => Answer<T>,
  ): Answer<T> => {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await get(id);
      if (found.isErr()) return err(found.error);
      const written = await apply(expected ?? found.value.version);
      if (expected !== undefined || written.isOk() || written.error.code !== "version_mismatch") return written;
    }
    return err(busy("This record is being changed by others. Try again."));
  };

  return {
    async create(input, options) {
      const created = await children.create({ ...input, [field]: parent }, options);
      return created.mapErr((error) => (refersToNothing(error, field) ? notFound() : error));
    },
    get,
    list: (query) => unlessGone(children.list(within(query)), ({ items }) => items.length === 0),
    count: (selection) => unlessGone(children.count(within(selection)), (count) => count === 0),
    summarize: (query) => unlessGone(children.summarize(within(query)), ({ length }) => length === 0),
    update: (id, patch, { expectedVersion } = {}) =>
      write(id, expectedVersion, (version) => children.update(id, patch, { expectedVersion: version })),
    delete: (id, { expectedVersion } = {}) =>
      write(id, expectedVersion, (version) => children.delete(id, { expectedVersion: version })),
  };
}

const refersToNothing = ({ code, errors = [] }: RepositoryError, field: string): boolean =>
  code === "invalid_reference" && errors.some((each) => each.field === field);
