/** Parameters that the functions of `*_record_functions.sql` take alike, by whichever path they are called. */
import { type Collection, identityOf } from "../definition/define.ts";
import type { Row, Selected } from "../repository/store.ts";

/** Named only where it is not the usual one, which the functions take by themselves. */
export const ownerOf = (collection: Collection): Row => {
  const { owner } = identityOf(collection);
  return owner === "user_id" ? {} : { p_owner_column: owner };
};

/** What no record can have is matched by none, and not refused as out of range. */
export const versionOf = (expected: number | undefined): number | null =>
  expected === undefined ? null : Number.isSafeInteger(expected) ? expected : -1;

/** A selection as the functions take it. */
export const selectedOf = ({ filters, search }: Selected): Row => ({
  p_filters: JSON.stringify(filters.map(({ field, operator, value }) => ({ field, operator, value: String(value) }))),
  p_search: search ?? null,
});
