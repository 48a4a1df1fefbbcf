/**
 * One step of a history, as data that says nothing of what is in the databases: records are picked by number, among those
 * that are there when the step is run, so that a history without some of its steps is a history, too.
 */
import fc from "fast-check";
import { homeCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { type Pick, picks, SLOTS } from "./picks.ts";
import { limits, lists, type SymbolicQuery, selections, summaries } from "./queries.ts";
import { fieldNames, fitting, odd } from "./values.ts";

/** The id of a record, in a spelling, or something that is no id. */
export type Id = Pick | { text: string };
export type Expected = "current" | "earlier" | number | undefined;
/** Values by field; those of references are picks. */
export type SymbolicBody = readonly (readonly [string, unknown])[];

type Call =
  | { call: "create"; id: number; isGiven: boolean; body: SymbolicBody; hash: string | undefined }
  | { call: "get"; id: Id }
  | { call: "update"; id: Id; body: SymbolicBody; expected: Expected }
  | { call: "delete"; id: Id; expected: Expected }
  | { call: "list"; query: SymbolicQuery; limit: number }
  | {
      call: "next";
      cursor: number;
      limit: number;
      abuse: "collection" | "owner" | "sort" | "search" | "cut" | undefined;
    }
  | { call: "count"; query: SymbolicQuery }
  | { call: "summarize"; query: SymbolicQuery };

export type Operation = { owner: number; collection: string } & Call;

const NO_IDS = [
  "",
  "1",
  "not-a-uuid",
  "00000000000040008000000000000000",
  "{00000000-0000-4000-8000-000000000000}",
  "$ne",
];
const ids: fc.Arbitrary<Id> = fc.oneof(
  { weight: 20, arbitrary: picks },
  { weight: 1, arbitrary: fc.record({ text: fc.constantFrom(...NO_IDS) }) },
);
const expected: fc.Arbitrary<Expected> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 4, arbitrary: fc.constantFrom("current" as const, "earlier" as const) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, -1, 1.5, 2 ** 53, 2 ** 64, Number.NaN, Number.POSITIVE_INFINITY) },
);

const valuesOf = (collection: Collection, name: string): fc.Arbitrary<unknown> => {
  const field = collection.fields[name];
  if (!field) return odd;
  const value = field.kind === "reference" ? picks : fitting(field);
  return field.required
    ? value
    : fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) });
};

/** Some of the named fields with values that fit, and now and then one that doesn't. */
function bodies(collection: Collection, always: readonly string[]): fc.Arbitrary<SymbolicBody> {
  const names = Object.keys(collection.fields);
  const fits = fc.tuple(...names.map((name) => fc.tuple(fc.boolean(), valuesOf(collection, name)))).map((drawn) =>
    names.flatMap((name, n): [string, unknown][] => {
      const [isGiven, value] = drawn[n] as [boolean, unknown];
      return isGiven || always.includes(name) ? [[name, value]] : [];
    }),
  );
  const spoilt = fc.tuple(fits, fieldNames(collection), odd, fc.boolean()).map(([body, name, value, leaveOut]) => {
    const rest = body.filter(([other]) => other !== name);
    return leaveOut ? rest : [...rest, [name, value] as [string, unknown]];
  });
  return fc.oneof({ weight: 12, arbitrary: fits }, { weight: 1, arbitrary: spoilt });
}

function callsOf(collection: Collection): fc.Arbitrary<Call> {
  const required = Object.entries(collection.fields).flatMap(([name, field]) =>
    field.required && !field.defaulted ? [name] : [],
  );
  const create = fc.record({
    call: fc.constant("create" as const),
    id: fc.nat(SLOTS - 1),
    isGiven: fc.boolean(),
    body: bodies(collection, required),
    hash: fc.constantFrom(undefined, undefined, "a", "b"),
  });
  const update = fc.record({ call: fc.constant("update" as const), id: ids, body: bodies(collection, []), expected });
  const next = fc.record({
    call: fc.constant("next" as const),
    cursor: fc.nat(5),
    limit: limits,
    abuse: fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom("collection", "owner", "sort", "search", "cut") },
    ),
  });
  return fc.oneof(
    { weight: 14, arbitrary: create },
    { weight: 6, arbitrary: update },
    { weight: 2, arbitrary: fc.record({ call: fc.constant("delete" as const), id: ids, expected }) },
    { weight: 2, arbitrary: fc.record({ call: fc.constant("get" as const), id: ids }) },
    {
      weight: 4,
      arbitrary: fc.record({ call: fc.constant("list" as const), query: lists(collection), limit: limits }),
    },
    { weight: 4, arbitrary: next as fc.Arbitrary<Call> },
    { weight: 2, arbitrary: fc.record({ call: fc.constant("count" as const), query: selections(collection) }) },
    { weight: 4, arbitrary: fc.record({ call: fc.constant("summarize" as const), query: summaries(collection) }) },
  );
}

/** Any call on any collection, most of them by one owner. */
export function operations(collections: readonly Collection[] = homeCollections): fc.Arbitrary<Operation> {
  const owner = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  return fc.oneof(
    ...collections.map((collection) =>
      fc
        .tuple(owner, callsOf(collection))
        .map(([who, call]): Operation => ({ owner: who, collection: collection.name, ...call })),
    ),
  );
}
