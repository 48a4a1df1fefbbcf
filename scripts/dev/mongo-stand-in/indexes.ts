import { Int32 } from "bson";
import { MongoError, notImplemented } from "./errors.ts";
import { compileQuery, type Matcher } from "./matcher.ts";
import { type Doc, equal, isDoc, keyOf } from "./values/compare.ts";
import { isNum, toNumber } from "./values/numbers.ts";
import { valuesAt } from "./values/paths.ts";

export interface IndexSpec extends Doc {
  readonly key: Doc;
  readonly name: string;
}

const KNOWN = [
  "key",
  "name",
  "v",
  "unique",
  "partialFilterExpression",
  "expireAfterSeconds",
  "sparse",
  "background",
  "ns",
];

export const ID_INDEX: IndexSpec = { v: new Int32(2), key: { _id: new Int32(1) }, name: "_id_" };

export function parseIndex(spec: unknown): IndexSpec {
  if (!isDoc(spec) || !isDoc(spec.key) || Object.keys(spec.key).length === 0)
    throw new MongoError(67, "Index keys cannot be empty.");
  if (typeof spec.name !== "string")
    throw new MongoError(9, "The 'name' field is a required property of an index specification");
  for (const [field, direction] of Object.entries(spec.key)) {
    if (!isNum(direction) || toNumber(direction) === 0)
      throw notImplemented(`An index of the kind ${field}: ${String(direction)}`);
  }
  const unknown = Object.keys(spec).find((option) => !KNOWN.includes(option));
  if (unknown === "collation") throw notImplemented("A collated index");
  if (unknown)
    throw new MongoError(
      197,
      `The field '${unknown}' is not valid for an index specification. Specification: ${spec.name}`,
    );
  refuseExpiry(spec);
  const { ns: _ns, background: _background, v: _v, ...rest } = spec;
  return { v: new Int32(2), ...rest } as unknown as IndexSpec;
}

/** What no TTL index can be. */
function refuseExpiry({ name, key, expireAfterSeconds: after }: Doc): void {
  if (after === undefined) return;
  const refuse = (reason: string) =>
    new MongoError(67, `TTL index '${String(name)}': ${reason}, see expireAfterSeconds.`);
  if (!isNum(after)) throw refuse("the option must be numeric");
  if (toNumber(after) < 0) throw refuse("the option cannot be less than 0");
  if (Object.keys(key as Doc).length > 1) throw refuse("compound indexes do not support it");
}

function product(lists: readonly string[][]): string[] {
  return lists.reduce<string[]>((all, list) => all.flatMap((start) => list.map((end) => `${start},${end}`)), [""]);
}

/** One index: who has which key, and whether somebody else may. */
export class Index {
  readonly spec: IndexSpec;
  readonly unique: boolean;
  readonly #paths: string[][];
  readonly #partial: Matcher | undefined;
  readonly #owners = new Map<string, string>();

  constructor(spec: IndexSpec) {
    this.spec = spec;
    this.unique = spec.unique === true;
    this.#paths = Object.keys(spec.key).map((field) => field.split("."));
    this.#partial = spec.partialFilterExpression === undefined ? undefined : compileQuery(spec.partialFilterExpression);
  }

  /** Its keys, when the index is unique. */
  keys(doc: Doc): string[] {
    if (!this.unique || (this.#partial && !this.#partial(doc))) return [];
    const values = this.#paths.map((path) =>
      valuesAt(doc, path).flatMap((value) => (Array.isArray(value) && value.length > 0 ? value : [value])),
    );
    if (this.spec.sparse === true && values.every((list) => list.every((value) => value === undefined))) return [];
    const lists = values.map((list) => list.map(keyOf));
    return [...new Set(product(lists.map((list) => (list.length > 0 ? list : [keyOf(null)]))))];
  }

  /** Throws when another document has a key of this one. */
  check(doc: Doc, owner: string, namespace: string): void {
    for (const key of this.keys(doc)) {
      const found = this.#owners.get(key);
      if (found !== undefined && found !== owner) throw duplicate(namespace, this.spec, doc);
    }
  }

  add(doc: Doc, owner: string): void {
    for (const key of this.keys(doc)) this.#owners.set(key, owner);
  }

  remove(doc: Doc): void {
    for (const key of this.keys(doc)) this.#owners.delete(key);
  }

  /** When a TTL index lets a document go; nothing when it keeps it. */
  expiry(doc: Doc): number | undefined {
    const after = this.spec.expireAfterSeconds;
    const [path] = this.#paths;
    if (!isNum(after) || !path || (this.#partial && !this.#partial(doc))) return undefined;
    const dates = valuesAt(doc, path)
      .flatMap((value) => (Array.isArray(value) ? value : [value]))
      .filter((value) => value instanceof Date);
    return dates.length === 0 ? undefined : Math.min(...dates.map((date) => date.getTime())) + toNumber(after) * 1000;
  }
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (isDoc(value))
    return `{ ${Object.entries(value)
      .map(([name, inner]) => `${name}: ${shown(inner)}`)
      .join(", ")} }`;
  return typeof value === "string"
    ? JSON.stringify(value)
    : value instanceof Date
      ? `new Date(${value.getTime()})`
      : String(value);
}

export function duplicate(namespace: string, spec: IndexSpec, doc: Doc): MongoError {
  const keyValue: Doc = {};
  for (const field of Object.keys(spec.key)) keyValue[field] = valuesAt(doc, field.split("."))[0] ?? null;
  return new MongoError(
    11000,
    `E11000 duplicate key error collection: ${namespace} index: ${spec.name} dup key: ${shown(keyValue)}`,
    {
      keyPattern: spec.key,
      keyValue,
    },
  );
}

function sameKeys(a: Doc, b: Doc): boolean {
  return equal(a, b);
}

/** The index that a new one is already, or the server's refusal of one that contradicts another. */
export function existing(indexes: readonly Index[], spec: IndexSpec): Index | undefined {
  const options = ({ name: _, v: __, ...rest }: Doc) => rest;
  const signature = (one: Doc) => keyOf(Object.fromEntries(Object.entries(options(one)).sort()));
  const lasting = ({ expireAfterSeconds: _, ...rest }: Doc) => signature(rest);
  for (const index of indexes) {
    const [same, keys] = [index.spec.name === spec.name, sameKeys(index.spec.key, spec.key)];
    if (!same && !keys) continue;
    if (same && keys && signature(index.spec) === signature(spec)) return index;
    if (same && index.spec.name === "_id_") return index;
    if (same && keys && lasting(index.spec) === lasting(spec))
      throw new MongoError(
        85,
        `An equivalent index already exists with the same name but different options. Requested index: ${spec.name}`,
      );
    if (same && keys)
      throw new MongoError(
        86,
        `An existing index has the same name as the requested index. Requested index: ${spec.name}`,
      );
    if (same)
      throw new MongoError(
        86,
        `An existing index has the same name as the requested index. When index names are not specified, they are auto generated and can cause conflicts. Requested index: ${spec.name}`,
      );
    if (equal(index.spec.partialFilterExpression ?? null, spec.partialFilterExpression ?? null)) {
      throw new MongoError(85, `Index already exists with a different name: ${index.spec.name}`);
    }
  }
  return undefined;
}
