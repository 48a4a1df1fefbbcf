/** Whose records keep a record from being deleted, in words: asked only once the database has refused. */
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { referencesTo } from "../definition/references.ts";
import type { Store } from "./store.ts";

interface Refused {
  collection: Collection;
  id: string;
  store: Store;
  collections: readonly Collection[];
}

/**
 * The refusal with one entry for each field that leads to the record, such as `expenses.category_id`, and how many
 * records lead there. As it was where none do any more, or where the database cannot tell now.
 */
export async function namingReferrers(refusal: RepositoryError, refused: Refused): Promise<RepositoryError> {
  const { collection, collections } = refused;
  const found = await Promise.all(
    referencesTo(collection.name, collections).map(async ({ collection: name, field }) => {
      const referring = collections.find((each) => each.name === name) as Collection;
      const count = await countOf(refused, referring, field);
      return { field: `${name}.${field}`, count, what: count === 1 ? referring.title : name.replaceAll("_", " ") };
    }),
  );
  const referrers = found.filter(({ count }) => count > 0);
  if (referrers.length === 0) return refusal;
  const total = referrers.reduce((sum, { count }) => sum + count, 0);
  const list = new Intl.ListFormat("en").format(referrers.map(({ count, what }) => `${count} ${what}`));
  return {
    ...refusal,
    message: `${list} ${total === 1 ? "refers" : "refer"} to this ${collection.title}. Delete or change ${total === 1 ? "it" : "them"} first.`,
    errors: referrers.map(({ field, count, what }) => ({
      field,
      code: "referenced",
      message: `${count} ${what} ${count === 1 ? "refers" : "refer"} to this ${collection.title}.`,
    })),
  };
}

/** A record that refers to itself may be deleted, and is not counted. */
async function countOf({ collection, id, store }: Refused, referring: Collection, field: string): Promise<number> {
  const counted = await store.count(referring, { filters: [{ field, operator: "eq", value: id }] });
  if (counted.isErr()) return 0;
  if (referring.name !== collection.name) return counted.value;
  const itself = await store.get(collection, id);
  return counted.value - (itself.isOk() && itself.value[field] === id ? 1 : 0);
}
