/** Queries that say what they compare with by number where that is another value on each side, such as a time. */
import fc from "fast-check";
import { type FilterOperator, MAX_SORTS, operatorsOf, type Sort } from "../../shared/contract/query.ts";
import { type Collection, fieldOf, isScalar, systemFields } from "../../shared/definition/define.ts";
import type { FieldKind } from "../../shared/definition/fields.ts";
import { idOf, type Pick, picks } from "./picks.ts";
import { fitting, odd } from "./values.ts";

/** A value; or what that field of a record is, on the side that is asked; the value where there is no such record. */
type SymbolicValue = { value: unknown; of?: Pick | undefined };
export interface SymbolicFilter {
  field: string;
  operator: FilterOperator;
  value: SymbolicValue;
}
export interface SymbolicQuery {
  filters: readonly SymbolicFilter[];
  q: string | undefined;
  sort?: readonly Sort[];
  by?: string | undefined;
  timeZone?: string | undefined;
}

const SEARCHED = [
  "food",
  "FOOD",
  "strasse",
  "ß",
  "fi",
  "i̇",
  "ς",
  "σ",
  "É",
  "e",
  "😀",
  "$",
  "%",
  "_",
  "\\",
  "a.b",
  "(",
  "[",
  "\n",
];
const ZONES = [
  ...["UTC", "GMT", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati", "Etc/GMT+5"],
  // to one or the other, these are abbreviations, rules, old names, or nothing
  ...["CET", "EST", "EST5EDT", "IST", "ACT", "europe/berlin", "Nowhere/Land", "+02:00"],
];

/** What a system field is compared with where no record is at hand. */
const EARLY: Partial<Record<FieldKind, unknown>> = {
  reference: idOf(0),
  integer: 1,
  instant: "2026-01-01T00:00:00.000Z",
};

export const limits = fc.oneof(
  { weight: 16, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 4, arbitrary: fc.constant(200) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, 1.5, 201, Number.NaN) },
);

function filters(collection: Collection): fc.Arbitrary<SymbolicFilter> {
  const names = [...Object.keys(collection.fields), ...Object.keys(systemFields)];
  const good = fc.constantFrom(...names).chain((field): fc.Arbitrary<SymbolicFilter> => {
    const definition = fieldOf(collection, field);
    if (!definition) throw new Error(`no field ${field}`);
    const operators = operatorsOf(definition);
    const isPicked = definition.kind === "reference" || Object.hasOwn(systemFields, field);
    const value = isPicked ? fc.constant(EARLY[definition.kind]) : fitting(definition);
    const absence = fc.record({
      field: fc.constant(field),
      operator: fc.constant<FilterOperator>("null"),
      value: fc.record({ value: fc.boolean() }),
    });
    if (definition.kind === "tags") {
      const named = fc.constantFrom("Food", "food", "Straße", "null", "a,b", "$amount");
      return fc.record({
        field: fc.constant(field),
        operator: fc.constant<FilterOperator>("has"),
        value: fc.record({ value: named }),
      });
    }
    // there is nothing else to ask of it
    if (definition.kind === "json") return absence;
    const comparison = fc.record({
      field: fc.constant(field),
      operator: fc.constantFrom(...operators.filter((operator) => operator !== "null")),
      value: fc.oneof(
        { weight: 3, arbitrary: fc.record({ of: picks, value }) },
        { weight: isPicked ? 0 : 2, arbitrary: fc.record({ value }) },
      ),
    });
    return operators.includes("null") ? fc.oneof({ weight: 3, arbitrary: comparison }, absence) : comparison;
  });
  const bad = fc.record({
    field: fc.constantFrom(...names, "nobody", "user_id", "create_hash", "$where", "_deleted_at"),
    operator: fc.constantFrom<FilterOperator>("eq", "gte", "gt", "lte", "lt", "has", "null"),
    value: fc.record({ value: odd }),
  });
  return fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: bad });
}

export function selections(collection: Collection): fc.Arbitrary<SymbolicQuery> {
  const few = fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 4, arbitrary: fc.array(filters(collection), { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(filters(collection), { minLength: 2, maxLength: 3 }) },
  );
  const search = fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...SEARCHED, "", "x".repeat(201), "\u0000") },
  );
  return fc.record({ filters: few, q: search });
}

export function lists(collection: Collection): fc.Arbitrary<SymbolicQuery> {
  const scalars = [...Object.keys(collection.fields), ...Object.keys(systemFields)].filter((name) => {
    const field = fieldOf(collection, name);
    return field && isScalar(field);
  });
  const sort = fc.record({
    field: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...scalars) },
      { weight: 1, arbitrary: fc.constantFrom("tags", "nobody", "user_id", "search_text") },
    ),
    direction: fc.constantFrom("asc" as const, "desc" as const),
  });
  const order = fc.array(sort, { minLength: 1, maxLength: MAX_SORTS });
  return fc.tuple(selections(collection), order).map(([selection, sorts]) => ({ ...selection, sort: sorts }));
}

export function summaries(collection: Collection): fc.Arbitrary<SymbolicQuery> {
  const names = [...Object.keys(collection.fields), ...Object.keys(systemFields), "nobody"];
  const by = fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: fc.constant("month") },
    { weight: 4, arbitrary: fc.constantFrom(...names) },
  );
  const timeZone = fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...ZONES) },
  );
  return fc
    .tuple(selections(collection), by, timeZone)
    .map(([selection, group, zone]) => ({ ...selection, by: group, timeZone: zone }));
}
