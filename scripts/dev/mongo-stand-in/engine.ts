import { Collection, type Definition, decodeDefinition, encodeDefinition } from "./collection.ts";
import { MongoError } from "./errors.ts";
import { ID_INDEX } from "./indexes.ts";
import { Blocked, Journal, type Transaction } from "./journal.ts";
import { Storage } from "./storage.ts";

/** All databases. A command runs to its end before the next begins: that is its isolation and its atomicity. */
export class Engine {
  readonly #storage: Storage;
  readonly #journal: Journal;
  #collections = new Map<string, Collection>();

  constructor(file: string) {
    this.#storage = new Storage(file);
    this.#journal = new Journal(({ collection, key, body }) => {
      if (body) this.#storage.put(collection.id, key, body);
      else this.#storage.remove(collection.id, key);
    });
    this.#load();
  }

  #load(): void {
    this.#collections = new Map();
    for (const { id, db, name, definition } of this.#storage.collections()) {
      const collection = new Collection(this.#storage, this.#journal, id, db, name, decodeDefinition(definition));
      this.#collections.set(`${db}.${name}`, collection);
    }
  }

  /**
   * Runs a command in one transaction of the storage, committed before its answer is given. The server's own refusals keep what was
   * done before them, as a bulk write does; anything unforeseen undoes all of it, also in memory. `Blocked` is thrown when the command has to wait for a transaction.
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
      this.#journal.keep();
    } catch (error) {
      this.#storage.rollback();
      if (error instanceof Blocked) this.#journal.takeBack();
      else {
        this.#journal.endAll();
        this.#load();
      }
      throw error;
    }
    if (refusal !== undefined) throw refusal;
    return result as T;
  }

  begin(): Transaction {
    return this.#journal.begin();
  }

  /** Runs a command as a transaction sees the world. Nothing is stored before `commit`. */
  runIn<T>(transaction: Transaction, command: () => T): T {
    return this.#journal.run(transaction, command);
  }

  commit(transaction: Transaction): void {
    this.#storage.begin();
    try {
      this.#journal.commit(transaction);
      this.#storage.commit();
    } catch (error) {
      this.#storage.rollback();
      this.#journal.endAll();
      this.#load();
      throw error;
    }
  }

  abort(transaction: Transaction): void {
    this.#journal.end(transaction);
  }

  isOpen(transaction: Transaction): boolean {
    return this.#journal.isOpen(transaction);
  }

  /** Resolves when any transaction ends. */
  get ended(): Promise<void> {
    return this.#journal.ended;
  }

  /** Before a collection or its indexes are changed. */
  refuseWhileWritten(collections: readonly Collection[]): void {
    for (const collection of collections) this.#journal.refuseWhileWritten(collection);
  }

  collection(db: string, name: string): Collection | undefined {
    return this.#collections.get(`${db}.${name}`);
  }

  /** The collections of a database, by name. */
  collections(db?: string): Collection[] {
    const all = [...this.#collections.values()].filter((collection) => db === undefined || collection.db === db);
    return all.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** In a transaction, too, at once: an empty collection is all that others see of it, and what stays when it is aborted. */
  create(db: string, name: string, options: Definition["options"] = {}): Collection {
    if (db === "" || /[/\\. "$\0]/.test(db)) throw new MongoError(73, `Invalid database name: '${db}'`);
    if (name === "" || name.includes("\0") || name.startsWith("$") || name.startsWith(".")) {
      throw new MongoError(73, `Invalid namespace specified '${db}.${name}'`);
    }
    const definition: Definition = { options, indexes: [ID_INDEX] };
    const id = this.#storage.create(db, name, encodeDefinition(definition));
    const collection = new Collection(this.#storage, this.#journal, id, db, name, definition);
    this.#collections.set(collection.namespace, collection);
    return collection;
  }

  drop(collection: Collection): void {
    this.#storage.drop(collection.id);
    this.#collections.delete(collection.namespace);
  }

  /** Removes what TTL indexes let go; the next time, when a transaction is in the way. */
  reap(now: number): void {
    try {
      this.run(() => this.#reap(now));
    } catch (error) {
      if (!(error instanceof Blocked)) throw error;
    }
  }

  #reap(now: number): void {
    for (const collection of this.#collections.values()) {
      const indexes = collection.indexes.filter(({ spec }) => spec.expireAfterSeconds !== undefined);
      if (indexes.length === 0) continue;
      const expired = [...collection.all()].filter((doc) =>
        indexes.some((index) => (index.expiry(doc) ?? now + 1) <= now),
      );
      for (const doc of expired) collection.remove(doc);
    }
  }

  close(): void {
    this.#storage.close();
  }
}
