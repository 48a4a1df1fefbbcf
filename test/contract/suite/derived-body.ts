import type { Collection } from "../../../shared/definition/define.ts";
import type { Field, FieldKind } from "../../../shared/definition/fields.ts";

let made = 0;

/** Values of a kind, no two calls alike where the kind has enough of them, so that unique keys stay free. */
const candidates: Record<FieldKind, (field: Field, n: number) => unknown[]> = {
  text: ({ maxLength = 200 }, n) => [`Sample ${n}`.slice(-maxLength), `sample-${n}@example.org`],
  enum: ({ values = [] }) => [...values],
  currency: () => ["EUR"],
  money: (_, n) => [`${n}.50`],
  decimal: (_, n) => [`${n}.25`],
  integer: (_, n) => [n],
  boolean: () => [true],
  day: (_, n) => [new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10)],
  instant: (_, n) => [new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString()],
  reference: () => [],
  json: (_, n) => [{ sample: n }],
  tags: (_, n) => [["one", `tag ${n}`]],
};

/** A body made from the definition alone, references left out; throws when no candidate fits a field. */
export function derivedBody(collection: Collection, kind: "minimal" | "full"): Record<string, unknown> {
  made += 1;
  const body: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(collection.fields)) {
    if (field.kind === "reference" || (kind === "minimal" && (!field.required || field.defaulted))) continue;
    const value = candidates[field.kind](field, made).find((candidate) => field.schema.safeParse(candidate).success);
    if (value === undefined) throw new Error(`write a sample of ${collection.name} by hand: nothing fits ${key}`);
    body[key] = value;
  }
  return body;
}
