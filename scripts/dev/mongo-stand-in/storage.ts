import { DatabaseSync, type StatementSync } from "node:sqlite";

export interface StoredCollection {
  readonly id: number;
  readonly db: string;
  readonly name: string;
  readonly definition: Uint8Array;
}

/**
 * Everything in one SQLite file, written ahead: what is committed is with the operating system before it is
 * acknowledged, so that SIGKILL loses nothing. One process holds the file.
 */
export class Storage {
  readonly #sqlite: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  constructor(file: string) {
    this.#sqlite = new DatabaseSync(file);
    try {
      this.#sqlite.exec(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE;",
      );
      this.#sqlite.exec(`
        CREATE TABLE IF NOT EXISTS collections (
          id INTEGER PRIMARY KEY, db TEXT NOT NULL, name TEXT NOT NULL, definition BLOB NOT NULL, UNIQUE (db, name));
        CREATE TABLE IF NOT EXISTS documents (
          collection INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (collection, key));
        COMMIT;`);
    } catch (cause) {
      this.#sqlite.close();
      const held = cause instanceof Error && /locked|busy/i.test(cause.message);
      throw new Error(held ? `${file} is in use by another process` : `${file} cannot be opened as a database`, {
        cause,
      });
    }
    this.#put = this.#sqlite.prepare(
      "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
    );
    this.#remove = this.#sqlite.prepare("DELETE FROM documents WHERE collection = ? AND key = ?");
  }

  begin(): void {
    this.#sqlite.exec("BEGIN");
  }

  commit(): void {
    this.#sqlite.exec("COMMIT");
  }

  rollback(): void {
    if (this.#sqlite.isTransaction) this.#sqlite.exec("ROLLBACK");
  }

  collections(): StoredCollection[] {
    return this.#sqlite
      .prepare("SELECT id, db, name, definition FROM collections ORDER BY id")
      .all() as unknown as StoredCollection[];
  }

  create(db: string, name: string, definition: Uint8Array): number {
    return Number(
      this.#sqlite.prepare("INSERT INTO collections (db, name, definition) VALUES (?, ?, ?)").run(db, name, definition)
        .lastInsertRowid,
    );
  }

  define(collection: number, definition: Uint8Array): void {
    this.#sqlite.prepare("UPDATE collections SET definition = ? WHERE id = ?").run(definition, collection);
  }

  drop(collection: number): void {
    this.#sqlite.prepare("DELETE FROM documents WHERE collection = ?").run(collection);
    this.#sqlite.prepare("DELETE FROM collections WHERE id = ?").run(collection);
  }

  /** In the order of their insertion. */
  *documents(collection: number): Iterable<{ key: string; body: Uint8Array }> {
    const rows = this.#sqlite
      .prepare("SELECT key, body FROM documents WHERE collection = ? ORDER BY rowid")
      .iterate(collection);
    for (const row of rows) yield row as unknown as { key: string; body: Uint8Array };
  }

  put(collection: number, key: string, body: Uint8Array): void {
    this.#put.run(collection, key, body);
  }

  remove(collection: number, key: string): void {
    this.#remove.run(collection, key);
  }

  close(): void {
    this.#sqlite.close();
  }
}
