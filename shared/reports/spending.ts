/** What was spent between two days, by category or month, per currency. */
import { err, ok } from "neverthrow";
import { collections } from "../collections/index.ts";
import { MAX_LIMIT } from "../contract/query.ts";
import type { Answer } from "../contract/repository.ts";
import type { DatabaseService } from "../placement/service.ts";

export interface SpendingItem {
  /** the category's id (null: none) or `YYYY-MM` */
  key: string | null;
  /** the category's */
  name?: string;
  currency: string;
  sum: string;
  count: number;
}

export interface SpendingQuery {
  /** both days belong to it */
  from: string;
  to: string;
  by: "category" | "month";
}

export async function spending(
  service: Pick<DatabaseService, "repository">,
  { from, to, by }: SpendingQuery,
): Answer<SpendingItem[]> {
  const groups = await service.repository(collections.expenses).summarize({
    filters: [
      { field: "date", operator: "gte", value: from },
      { field: "date", operator: "lte", value: to },
    ],
    by: by === "category" ? "category_id" : "month",
  });
  if (groups.isErr()) return err(groups.error);
  const ids = by === "category" ? groups.value.flatMap(({ key }) => key ?? []) : [];
  const names = await categoryNames(service, new Set(ids));
  return names.map((known) =>
    groups.value.map(({ key, currency, sum, count }) => {
      const name = key === null ? undefined : known.get(key);
      return { key, ...(name !== undefined && { name }), currency: currency ?? "", sum: sum ?? "0.00", count };
    }),
  );
}

/** Names of the categories, read in pages: one call for nearly everyone, instead of one for each category. */
async function categoryNames(
  service: Pick<DatabaseService, "repository">,
  wanted: ReadonlySet<string>,
): Answer<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  let cursor: string | undefined;
  while (names.size < wanted.size) {
    const page = await service
      .repository(collections.categories)
      .list({ filters: [], sort: { field: "created_at", direction: "asc" }, limit: MAX_LIMIT, cursor });
    if (page.isErr()) return err(page.error);
    for (const { id, name } of page.value.items) if (wanted.has(id)) names.set(id, name);
    if (page.value.next_cursor === null) break;
    cursor = page.value.next_cursor;
  }
  return ok(names);
}
