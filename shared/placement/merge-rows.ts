/**
 * One page of what two databases have of the same records, while each may have some that the other lacks. Of a record that both
 * have, the larger version counts. Both pages begin behind the same row and have the same limit, so that the first `limit` of
 * all are among them. (A filter on what has just changed may still meet the older version of a record in one of them.)
 */
import type { Sort } from "../contract/query.ts";
import { type Collection, fieldOf } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import type { Row } from "../repository/store.ts";
import { compareDecimal } from "../values/money.ts";
import { compareText } from "../values/text.ts";

/** Whichever was written later. */
export const newer = (one: Row, other: Row): Row => (Number(other.version) > Number(one.version) ? other : one);

export function mergePages(
  collection: Collection,
  order: readonly Sort[],
  limit: number,
  pages: readonly (readonly Row[])[],
): Row[] {
  const byId = new Map<unknown, Row>();
  for (const row of pages.flat()) {
    const there = byId.get(row.id);
    byId.set(row.id, there ? newer(there, row) : row);
  }
  return [...byId.values()].sort(byOrder(collection, order)).slice(0, limit);
}

const byOrder = (collection: Collection, order: readonly Sort[]) => {
  const keys = order.map(({ field, direction }) => ({
    field,
    compare: comparing(fieldOf(collection, field)?.kind ?? "text"),
    sign: direction === "desc" ? -1 : 1,
  }));
  return (one: Row, other: Row): number => {
    for (const { field, compare, sign } of keys) {
      const difference = sign * compareValues(one[field] ?? null, other[field] ?? null, compare);
      if (difference !== 0) return difference;
    }
    return 0;
  };
};

type Compare = (one: string, other: string) => number;

/** Nulls come first ascending. */
const compareValues = (one: unknown, other: unknown, compare: Compare): number =>
  one === null || other === null ? Number(one !== null) - Number(other !== null) : compare(String(one), String(other));

/** The contract's spellings of days and instants sort as texts do. */
function comparing(kind: FieldKind): Compare {
  if (kind === "money" || kind === "decimal") return compareDecimal;
  if (kind === "integer") return (one, other) => Number(one) - Number(other);
  return compareText;
}
