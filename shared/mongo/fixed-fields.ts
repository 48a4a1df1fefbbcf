/** Fields that others rely on: they stay as they are while living records refer to this one (references.ts). */
import type { Document } from "mongodb";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { referencesTo } from "../definition/references.ts";
import { fixedField } from "../repository/refusals.ts";
import type { Row } from "../repository/store.ts";
import { fromStored } from "./documents.ts";
import { hasChildren, type ReferenceContext } from "./references.ts";
import type { CallOptions } from "./transactions.ts";

/** Those that a write of these values may change; it is a transaction then. */
export const fixedIn = ({ fixedWhileReferenced }: Collection, values: Row): string[] =>
  fixedWhileReferenced.filter((field) => values[field] !== undefined).sort();

/**
 * Why the change is refused, if it is; in the transaction of the change, before it. A record that begins to refer to this one
 * meanwhile touches it, so that one of the two begins again.
 */
export async function refusedChange(
  context: ReferenceContext,
  collection: Collection,
  id: string,
  values: Row,
  guarded: Document,
  options: CallOptions,
): Promise<RepositoryError | undefined> {
  const fields = fixedIn(collection, values);
  const found = await context.db.collection(collection.name).findOne(guarded, options());
  const changed = fields.find(
    (field) => found && fromStored(collection.fields[field]?.kind ?? "text", found[field]) !== values[field],
  );
  if (changed === undefined) return undefined;
  const references = referencesTo(collection.name, [...context.all.values()]);
  return (await hasChildren(context, references, id, options)) ? fixedField(changed) : undefined;
}
