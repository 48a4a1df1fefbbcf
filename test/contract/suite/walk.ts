import { expect } from "vitest";
import type { ListQuery } from "../../../shared/contract/query.ts";
import type { Repository } from "../../../shared/contract/repository.ts";
import { value } from "../store.ts";

export const oldest = { field: "created_at", direction: "asc" } as const;
export const everything = { filters: [], sort: oldest, limit: 200 } as const;

/** All items of a listing, page by page; `between` runs after each page but the last. */
export async function walk<R>(
  repository: Pick<Repository<R, never, never>, "list">,
  query: ListQuery,
  between: (page: number) => Promise<unknown> = async () => {},
): Promise<R[]> {
  const items: R[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 2_000; page++) {
    const answer = value(await repository.list({ ...query, cursor }));
    expect(answer.items.length).toBeLessThanOrEqual(query.limit);
    items.push(...answer.items);
    if (answer.next_cursor === null) return items;
    expect(answer.items.length).toBe(query.limit);
    cursor = answer.next_cursor;
    await between(page);
  }
  throw new Error("the listing does not end");
}
