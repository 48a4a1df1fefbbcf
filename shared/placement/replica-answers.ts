/**
 * What a replica may say. It has some of what its primary has, and is no authority on the rest: it can show what it holds,
 * and never that there is nothing else. So these are `unavailable`, and not an answer:
 *
 *   a record that it does not have            the primary may; the same for a list that asks for one id
 *   a page behind a row that it does not have whoever has seen it would go on past others that are not there, either
 *   what came after it was complete           `created_at`, `updated_at` or `version` from then on: of that time it knows nothing
 *   any error of its own                      what a request is refused for, the primary decides
 */
import { err, ok } from "neverthrow";
import { unavailable } from "../contract/errors.ts";
import type { Filter } from "../contract/query.ts";
import type { Answer } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import type { PageRequest, ReadStore, Selected } from "../repository/store.ts";

const MICROSECONDS = 1_000;

/** Reads of one replica, with these limits; `title` is how messages call the primary. */
export function replicaAnswers(replica: ReadStore, upTo: Date | null, title: string): ReadStore {
  const unknown = unavailable(`${title} does not answer, and the copy that is read meanwhile does not know this.`);
  const down = unavailable(`${title} does not answer, and the copy cannot be read, either.`);
  const only = async <T>(answer: Answer<T>): Answer<T> =>
    (await answer).mapErr(({ kind }) => (kind === "unavailable" ? down : unknown));
  const of = <T>(selected: Selected, read: () => Answer<T>): Answer<T> =>
    selected.filters.some((filter) => isLater(filter, upTo)) ? Promise.resolve(err(unknown)) : only(read());
  return {
    get: (collection, id) => only(replica.get(collection, id)),
    list: (collection, page) =>
      of(page, async () => {
        const [rows, last] = await Promise.all([replica.list(collection, page), lastRow(replica, collection, page)]);
        if (last.isErr()) return err(last.error);
        return rows.isOk() && rows.value.length === 0 && page.filters.some(isForOne) ? err(unknown) : rows;
      }),
    count: (collection, selected) => of(selected, () => replica.count(collection, selected)),
    group: (collection, grouping) => of(grouping, () => replica.group(collection, grouping)),
  };
}

/** The row behind which the page begins, by its id, which comes last among the keys. */
const lastRow = async (replica: ReadStore, collection: Collection, { after }: PageRequest): Answer<unknown> =>
  after ? replica.get(collection, String(after.at(-1))) : ok(undefined);

const isForOne = ({ field, operator }: Filter): boolean => field === "id" && operator === "eq";

/** Whether the filter leaves nothing but what was written after that. */
function isLater({ field, operator, value }: Filter, upTo: Date | null): boolean {
  if (!upTo || !["eq", "gte", "gt"].includes(operator)) return false;
  if (field === "version") return Number(value) >= (upTo.getTime() + 1) * MICROSECONDS;
  return (field === "created_at" || field === "updated_at") && Date.parse(String(value)) > upTo.getTime();
}
