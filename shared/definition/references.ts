/** Who refers to whom among a set of collections. */
import type { Collection } from "./define.ts";
import type { Where } from "./fields.ts";

export interface ReferenceField {
  /** the collection that holds the field */
  collection: string;
  field: string;
  /** the collection that it points into */
  target: string;
  /** what has to be so in the record that it points to */
  where?: Where | undefined;
}

/** The references that a collection's records make, in the order of its fields. */
export function referencesFrom(collection: Collection): ReferenceField[] {
  return Object.entries(collection.fields).flatMap(([field, { references: target, where }]) =>
    target === undefined ? [] : [{ collection: collection.name, field, target, where }],
  );
}

/** The references that others make to a collection's records. */
export function referencesTo(name: string, all: readonly Collection[]): ReferenceField[] {
  return all.flatMap(referencesFrom).filter(({ target }) => target === name);
}
