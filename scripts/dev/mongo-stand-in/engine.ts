import { Collection, type Definition, decodeDefinition, encodeDefinition } from "./collection.ts";
import { MongoError } from "./errors.ts";
import { ID_INDEX } from "./indexes.ts";
import { Storage } from "./storage.ts";

/** All databases. A command runs to its end before the next begins: that is its isolation and its atomicity. */
export class Engine {
  readonly #storage: Storage;
  #collections = new Map<string, Collection>();

  constructor(file: string) {
    this.#storage = new Storage(file);
    this.#load();
  }

  #load(): void {
    this.#collections = new Map();
    for (const { id, db, name, definition } of this.#storage.collections()) {
      this.#collections.set(`${db}.${name}`, new Collection(this.#storage, id, db, name, decodeDefinition(definition)));
    }
  }

  /**
   * Runs a command in one transaction, committed before its answer is given. The server's own refusals keep what was
   * done before them, as a bulk write does; anything unforeseen undoes all of it, also in memory.
   */
  run<T>(command: () => T): T {
    this.#storage.begin();
    let refusal: unknown;
    let result: T | undefined;
    try {
      try {
        result = command();
      } catch (error) {
        if (!(error instanceof MongoError)) throw error;
        refusal = error;
      }
      this.#storage.commit();
    } catch (error) {
      this.#storage.rollback();
      this.#load();
      throw error;
    }
    if (refusal !== undefined) throw refusal;
    return result as T;
  }

  collection(db: string, name: string): Collection | undefined {
    return this.#collections.get(`${db}.${name}`);
  }

  /** The collections of a database, by name. */
  collections(db?: string): Collection[] {
    const all = [...this.#collections.values()].filter((collection) => db === undefined || collection.db === db);
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  create(db: string, name: string, options: Definition["options"] = {}): Collection {
    if (db === "" || /[/\\. "$\0]/.test(db)) throw new MongoError(73, `Invalid database name: '${db}'`);
    if (name === "" || name.includes("\0") || name.startsWith("$") || name.startsWith(".")) {
      throw new MongoError(73, `Invalid namespace specified '${db}.${name}'`);
    }
    const definition: Definition = { options, indexes: [ID_INDEX] };
    const id = this.#storage.create(db, name, encodeDefinition(definition));
    const collection = new Collection(this.#storage, id, db, name, definition);
    this.#collections.set(collection.namespace, collection);
    return collection;
  }

  drop(collection: Collection): void {
    this.#storage.drop(collection.id);
    this.#collections.delete(collection.namespace);
  }

  /** Removes what TTL indexes let go. */
  reap(now: number): void {
    this.run(() => {
      for (const collection of this.#collections.values()) {
        const indexes = collection.indexes.filter(({ spec }) => spec.expireAfterSeconds !== undefined);
        if (indexes.length === 0) continue;
        const expired = [...collection.all()].filter((doc) =>
          indexes.some((index) => (index.expiry(doc) ?? now + 1) <= now),
        );
        for (const doc of expired) collection.remove(doc);
      }
    });
  }

  close(): void {
    this.#storage.close();
  }
}
