import { MongoError } from "./errors.ts";
import type { Doc } from "./values/compare.ts";

/** As much of a collection as this needs. */
interface Changeable {
  readonly id: number;
  /** makes a change in memory */
  apply(key: string, before: Doc | undefined, after: Doc | undefined, body?: Uint8Array): void;
}

/** One document's change. What two changes cannot both have are its slots: the document and its keys in unique indexes. */
export interface Change {
  readonly collection: Changeable;
  readonly key: string;
  readonly before: Doc | undefined;
  readonly after: Doc | undefined;
  /** `after` encoded */
  readonly body: Uint8Array | undefined;
  /** asked for only while transactions are open */
  slots(): readonly string[];
}

export interface Transaction {
  /** how much of what was committed while transactions are open it has seen: its snapshot */
  readonly since: number;
  readonly changes: Change[];
}

/** What a command without a transaction waits for: a document that an open transaction has written. */
export class Blocked extends Error {}

/**
 * Who has changed what. Between commands the collections show what is committed. For a command of a transaction they are
 * led back to its snapshot, and forward to what it has written itself; after the command all of that is taken back.
 */
export class Journal {
  readonly #open = new Set<Transaction>();
  #committed: Change[] = [];
  #current: Transaction | undefined;
  #ended = Promise.withResolvers<void>();
  readonly #store: (change: Change) => void;
  /** of the command that runs outside of transactions */
  #plain: Change[] = [];

  constructor(store: (change: Change) => void) {
    this.#store = store;
  }

  /** Resolves when any transaction ends. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes a change down before it is made. The first writer wins: others are refused, or wait when they can. */
  record(change: Change): void {
    const current = this.#current;
    const isTaken = (other: Change) => other.slots().some((slot) => change.slots().includes(slot));
    const others = [...this.#open].filter((one) => one !== current);
    if (others.some(({ changes }) => changes.some(isTaken))) throw current ? writeConflict() : new Blocked();
    if (current && this.#committed.slice(current.since).some(isTaken)) throw writeConflict();
    if (!current) this.#store(change);
    (current?.changes ?? this.#plain).push(change);
  }

  /** Collections and indexes are changed while no transaction has written to them. */
  refuseWhileWritten(collection: Changeable): void {
    for (const { changes } of this.#open) if (changes.some((one) => one.collection === collection)) throw new Blocked();
  }

  /** After a command outside of transactions. */
  keep(): void {
    if (this.#open.size > 0) this.#committed.push(...this.#plain);
    this.#plain = [];
  }

  takeBack(): void {
    undo(this.#plain);
    this.#plain = [];
  }

  begin(): Transaction {
    const transaction = { since: this.#committed.length, changes: [] };
    this.#open.add(transaction);
    return transaction;
  }

  run<T>(transaction: Transaction, command: () => T): T {
    const later = this.#committed.slice(transaction.since);
    undo(later);
    redo(transaction.changes);
    this.#current = transaction;
    try {
      return command();
    } finally {
      this.#current = undefined;
      undo(transaction.changes);
      redo(later);
    }
  }

  commit(transaction: Transaction): void {
    for (const change of transaction.changes) this.#store(change);
    redo(transaction.changes);
    this.#committed.push(...transaction.changes);
    this.end(transaction);
  }

  isOpen(transaction: Transaction): boolean {
    return this.#open.has(transaction);
  }

  end(transaction: Transaction): void {
    this.#open.delete(transaction);
    if (this.#open.size === 0) this.#committed = [];
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
  }

  /** After a failure that nobody foresaw. */
  endAll(): void {
    this.#plain = [];
    for (const transaction of this.#open) this.end(transaction);
  }
}

function undo(changes: readonly Change[]): void {
  for (const { collection, key, before, after } of changes.toReversed()) collection.apply(key, after, before);
}

function redo(changes: readonly Change[]): void {
  for (const { collection, key, before, after, body } of changes) collection.apply(key, before, after, body);
}

export const TRANSIENT = { errorLabels: ["TransientTransactionError"] };

function writeConflict(): MongoError {
  return new MongoError(112, "Write conflict during plan execution and yielding is disabled.", TRANSIENT);
}
