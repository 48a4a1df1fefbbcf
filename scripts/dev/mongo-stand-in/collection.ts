import { decode, encode, encodeDocument } from "./bson.ts";
import { MongoError } from "./errors.ts";
import type { Scope } from "./expressions/operator.ts";
import { duplicate, ID_INDEX, Index, type IndexSpec } from "./indexes.ts";
import type { Journal } from "./journal.ts";
import { compileQuery, equalitiesOf, type Matcher } from "./matcher.ts";
import type { Storage } from "./storage.ts";
import { type Doc, keyOf } from "./values/compare.ts";
import { valuesAt } from "./values/paths.ts";

export interface Definition {
  /** as given to create and collMod: validator, validationLevel, validationAction */
  options: Doc;
  indexes: IndexSpec[];
}

/** The first field of each index, from the value's key to the documents' keys. */
type Prefixes = Map<string, Map<string, Set<string>>>;

/** A collection: all of it in memory, every change first taken down in the journal. Documents are never changed in place. */
export class Collection {
  readonly id: number;
  readonly db: string;
  readonly name: string;
  options: Doc;
  indexes: Index[];
  readonly #storage: Storage;
  readonly #journal: Journal;
  readonly #docs = new Map<string, Doc>();
  #prefixes: Prefixes = new Map();
  #validator: Matcher | undefined;
  bytes = 0;

  constructor(storage: Storage, journal: Journal, id: number, db: string, name: string, definition: Definition) {
    this.id = id;
    this.db = db;
    this.name = name;
    this.#storage = storage;
    this.#journal = journal;
    this.options = definition.options;
    this.indexes = definition.indexes.map((spec) => new Index(spec));
    this.#compileValidator();
    this.#preparePrefixes();
    for (const { key, body } of storage.documents(id)) {
      this.bytes += body.length;
      this.#remember(key, decode(body));
    }
  }

  get namespace(): string {
    return `${this.db}.${this.name}`;
  }

  get size(): number {
    return this.#docs.size;
  }

  all(): Iterable<Doc> {
    return this.#docs.values();
  }

  /** The documents a query may match: those an index's first field leads to, or all. */
  candidates(query: Doc): Iterable<Doc> {
    const equalities = equalitiesOf(query);
    const ids = equalities.get("_id");
    if (ids) return this.#byKeys(new Set(ids.map(keyOf)));
    let best: Set<string> | undefined;
    for (const [field, values] of equalities) {
      const prefix = this.#prefixes.get(field);
      if (!prefix) continue;
      const found = values.map((value) => prefix.get(keyOf(value)) ?? new Set<string>());
      const [only = new Set<string>()] = found;
      const keys = found.length === 1 ? only : new Set(found.flatMap((set) => [...set]));
      if (!best || keys.size < best.size) best = keys;
    }
    return best ? this.#byKeys(best) : this.#docs.values();
  }

  *#byKeys(keys: Set<string>): Iterable<Doc> {
    for (const key of keys) {
      const doc = this.#docs.get(key);
      if (doc) yield doc;
    }
  }

  find(query: Doc, scope: Omit<Scope, "root">, limit = Number.POSITIVE_INFINITY): Doc[] {
    const matches = compileQuery(query, scope);
    const found: Doc[] = [];
    for (const doc of this.candidates(query)) {
      if (!matches(doc)) continue;
      found.push(doc);
      if (found.length >= limit) break;
    }
    return found;
  }

  insert(doc: Doc, validate = true): void {
    const key = keyOf(doc._id);
    if (Array.isArray(doc._id) || doc._id === undefined)
      throw new MongoError(53, "The '_id' value cannot be of type array");
    if (validate) this.#validate(doc);
    if (this.#docs.has(key)) throw duplicate(this.namespace, ID_INDEX, doc);
    this.#write(key, doc);
  }

  replace(old: Doc, doc: Doc, validate = true): void {
    const moderate = this.options.validationLevel === "moderate" && this.#validator && !this.#validator(old);
    if (validate && !moderate) this.#validate(doc);
    this.#write(keyOf(old._id), doc, old);
  }

  remove(doc: Doc): void {
    this.#change(keyOf(doc._id), doc, undefined, undefined);
  }

  #write(key: string, doc: Doc, old?: Doc): void {
    const body = encodeDocument(doc);
    for (const index of this.indexes) index.check(doc, key, this.namespace);
    this.#change(key, old, doc, body);
  }

  #change(key: string, before: Doc | undefined, after: Doc | undefined, body: Uint8Array | undefined): void {
    let known: string[] | undefined;
    const slots = () => {
      const documents = [before, after].filter((doc) => doc !== undefined);
      known ??= this.indexes.flatMap((index) =>
        documents.flatMap((doc) => index.keys(doc).map((own) => `${this.id} ${index.spec.name} ${own}`)),
      );
      return [`${this.id} ${key}`, ...known];
    };
    this.#journal.record({ collection: this, key, before, after, body, slots });
    this.apply(key, before, after, body);
  }

  /** Makes a change in memory alone; `body` is `after` encoded, where it is at hand. */
  apply(key: string, before: Doc | undefined, after: Doc | undefined, body?: Uint8Array): void {
    if (before) this.#forget(key, before);
    if (!after) this.#docs.delete(key);
    else {
      this.bytes += (body ?? encode(after)).length;
      this.#remember(key, after);
    }
  }

  #remember(key: string, doc: Doc): void {
    this.#docs.set(key, doc);
    for (const index of this.indexes) index.add(doc, key);
    for (const [field, prefix] of this.#prefixes) addPrefix(prefix, field, key, doc);
  }

  #forget(key: string, doc: Doc): void {
    this.bytes -= encode(doc).length;
    for (const index of this.indexes) index.remove(doc);
    for (const [field, prefix] of this.#prefixes) {
      for (const value of prefixKeys(field, doc)) {
        const keys = prefix.get(value);
        keys?.delete(key);
        if (keys?.size === 0) prefix.delete(value);
      }
    }
  }

  #preparePrefixes(): void {
    const fields = this.indexes.flatMap((index) => Object.keys(index.spec.key).slice(0, 1));
    const prefixes: Prefixes = new Map();
    for (const field of fields) {
      const known = this.#prefixes.get(field);
      const prefix = known ?? new Map<string, Set<string>>();
      if (!known) for (const [key, doc] of this.#docs) addPrefix(prefix, field, key, doc);
      prefixes.set(field, prefix);
    }
    this.#prefixes = prefixes;
  }

  /** Builds an index, or throws when documents are in its way. */
  createIndex(spec: IndexSpec): void {
    const index = new Index(spec);
    for (const [key, doc] of this.#docs) {
      index.check(doc, key, this.namespace);
      index.add(doc, key);
    }
    this.indexes.push(index);
    this.#preparePrefixes();
    this.define();
  }

  dropIndexes(names: readonly string[]): void {
    this.indexes = this.indexes.filter(({ spec }) => !names.includes(spec.name));
    this.#preparePrefixes();
    this.define();
  }

  /** Writes options and indexes down. */
  define(): void {
    this.#compileValidator();
    this.#storage.define(
      this.id,
      encodeDefinition({ options: this.options, indexes: this.indexes.map(({ spec }) => spec) }),
    );
  }

  #compileValidator(): void {
    const { validator, validationLevel } = this.options;
    this.#validator = validator === undefined || validationLevel === "off" ? undefined : compileQuery(validator);
  }

  #validate(doc: Doc): void {
    if (!this.#validator || this.options.validationAction === "warn" || this.#validator(doc)) return;
    throw new MongoError(121, "Document failed validation", { errInfo: { failingDocumentId: doc._id } });
  }
}

function prefixKeys(field: string, doc: Doc): Set<string> {
  const values = valuesAt(doc, field.split("."));
  const keys = new Set(
    values.flatMap((value) => (Array.isArray(value) ? [keyOf(value), ...value.map(keyOf)] : [keyOf(value)])),
  );
  return keys.size > 0 ? keys : new Set([keyOf(null)]);
}

function addPrefix(prefix: Map<string, Set<string>>, field: string, key: string, doc: Doc): void {
  for (const value of prefixKeys(field, doc)) {
    const keys = prefix.get(value);
    if (keys) keys.add(key);
    else prefix.set(value, new Set([key]));
  }
}

export function encodeDefinition(definition: Definition): Uint8Array {
  return encode({ ...definition });
}

export function decodeDefinition(bytes: Uint8Array): Definition {
  return decode(bytes) as unknown as Definition;
}
