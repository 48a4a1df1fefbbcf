/** The contract once, over any engine's `Store`: validation, ids, cursors, paging, rounding and order. */
import { err, ok } from "neverthrow";
import { decodeCursor, encodeCursor } from "../contract/cursor.ts";
import { forbidden, invalid, notFound, type RepositoryError } from "../contract/errors.ts";
import { checkQuery, orderOf, type Selection } from "../contract/query.ts";
import { MAX_GROUPS, type Page, type Repository } from "../contract/repository.ts";
import { validate } from "../contract/validate.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../definition/define.ts";
import { uuidSchema } from "../definition/fields.ts";
import { problemsOf } from "../definition/rules.ts";
import { fold } from "../values/fold.ts";
import { withAmounts } from "./amounts.ts";
import { groupingOf, toGroups } from "./groups.ts";
import { namingReferrers } from "./referrers.ts";
import type { Row, Selected, Store } from "./store.ts";

/** Whose records, and where new ids come from. */
export interface RepositoryScope {
  /** the owner's id, or the room's */
  owner: string;
  /** who calls, where records have an author beside the room that they belong to */
  author?: string | undefined;
  newId: () => string;
  /** all that there are: the records of some may refer to this one's */
  collections: readonly Collection[];
}

/** A repository of one collection for one owner; `store` is that owner's. */
export function createRepository<C extends Collection>(
  collection: C,
  store: Store,
  { owner, author, newId, collections }: RepositoryScope,
): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>> {
  const shown = (row: Row) => withAmounts(collection, row);
  const authorField = collection.scope.kind === "member" ? collection.scope.author : null;

  /** Of a room's records each is changed by who made it. The author never changes, so a look before the write is enough. */
  async function refusedToCaller(id: string): Promise<RepositoryError | undefined> {
    if (authorField === null) return undefined;
    const found = await store.get(collection, id);
    if (found.isErr()) return found.error;
    return found.value[authorField] === author
      ? undefined
      : forbidden(`Only its author changes a ${collection.title}.`);
  }

  /**
   * What a store refuses of an update for what it leaves as it is, it does not say in words. So the rules are looked at once
   * more, with the record as it is by now.
   */
  async function explained(error: RepositoryError, id: string, changes: Row): Promise<RepositoryError> {
    if (error.code !== "invalid_input" || error.errors !== undefined) return error;
    const found = await store.get(collection, id);
    const problems = found.isOk() ? problemsOf(collection.rules, { ...found.value, ...changes }) : [];
    return problems.length > 0 ? invalid("invalid_input", error.message, problems) : error;
  }

  const repository: Repository<Row, Row, Row> = {
    async create(input, { idempotencyHash } = {}) {
      const body = validate(collection.schemas.create, input);
      if (body.isErr()) return err(body.error);
      const { id = newId(), ...values } = body.value as Row & { id?: string };
      const made = authorField === null ? values : { ...values, [authorField]: author };
      return (await store.create(collection, id, made, idempotencyHash)).map(shown);
    },

    async get(id) {
      return isId(id) ? (await store.get(collection, id)).map(shown) : err(notFound());
    },

    async list(query) {
      const problem = checkQuery(collection, query);
      if (problem) return err(problem);
      const { sort, limit, owners } = query;
      if (owners?.length === 0) return ok({ items: [], next_cursor: null });
      const after = decodeCursor(owner, collection, query);
      if (after.isErr()) return err(after.error);
      // one more than asked for says whether there is another page
      const found = await store.list(collection, {
        ...selectedOf(query),
        owners,
        order: orderOf(sort),
        after: after.value,
        limit: limit + 1,
      });
      return found.map((rows): Page<Row> => {
        const items = rows.slice(0, limit).map(shown);
        const last = items.at(-1);
        if (!last || rows.length <= limit || owners) return { items, next_cursor: null };
        return { items, next_cursor: encodeCursor(owner, collection, query, last) };
      });
    },

    async update(id, patch, { expectedVersion } = {}) {
      const body = validate(collection.schemas.patch, patch);
      if (body.isErr()) return err(body.error);
      if (!isId(id)) return err(notFound());
      const refused = await refusedToCaller(id);
      if (refused) return err(refused);
      const changes = body.value as Row;
      const updated = await store.update(collection, id, changes, expectedVersion);
      return updated.isErr() ? err(await explained(updated.error, id, changes)) : updated.map(shown);
    },

    async delete(id, { expectedVersion } = {}) {
      if (!isId(id)) return err(notFound());
      const refused = await refusedToCaller(id);
      if (refused) return err(refused);
      const deleted = await store.delete(collection, id, expectedVersion);
      return deleted.isErr() && deleted.error.code === "referenced"
        ? err(await namingReferrers(deleted.error, { collection, id, store, collections }))
        : deleted;
    },

    async count(selection) {
      const problem = checkQuery(collection, selection);
      return problem ? err(problem) : store.count(collection, selectedOf(selection));
    },

    async summarize(query) {
      const problem = checkQuery(collection, query);
      if (problem) return err(problem);
      const grouping = { ...selectedOf(query), ...groupingOf(collection, query), limit: MAX_GROUPS + 1 };
      const groups = await store.group(collection, grouping);
      if (groups.isErr()) return err(groups.error);
      return groups.value.length > MAX_GROUPS ? err(TOO_MANY_GROUPS) : ok(toGroups(collection, query, groups.value));
    },
  };
  return repository as never;
}

const TOO_MANY_GROUPS = invalid("invalid_query", "These are too many groups.", [
  { field: "by", code: "too_many_groups", message: `At most ${MAX_GROUPS} groups; filter, or group otherwise.` },
]);

/** What is no UUID names no record. */
const isId = (id: string): boolean => uuidSchema.safeParse(id).success;

/** A `q` of which folding leaves nothing, such as white space, is none: every text would contain it. */
function selectedOf({ filters, q }: Selection): Selected {
  const search = q && fold(q);
  return search ? { filters, search } : { filters };
}
