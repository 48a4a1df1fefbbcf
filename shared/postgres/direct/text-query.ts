/**
 * A query of the driver's that keeps each row as the texts that came, in the order of the columns, and of several
 * statements only what the last one gives. The driver's own makes a description of every column of every statement, and
 * would read dates and arrays that are read here in another way: a fifth of what a call costs.
 */
import type { Connection, Submittable } from "pg";

/** What a statement has given: values as Postgres writes them. */
export interface Given {
  rows: readonly (readonly (string | null)[])[];
  /** rows found or changed */
  count: number;
}

type Done = (error: Error | null, given: Given) => void;

/** The methods are those that the driver calls when messages of these names come. */
export class TextQuery implements Submittable {
  readonly #text: string;
  readonly #done: Done;
  #coming: (string | null)[][] = [];
  #given: Given = { rows: [], count: 0 };

  constructor(text: string, done: Done) {
    this.#text = text;
    this.#done = done;
  }

  /** The simple protocol: one message there, all answers back. */
  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleRowDescription(): void {
    this.#coming = [];
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    this.#coming.push(fields);
  }

  /** `text`: `SELECT 20`, `INSERT 0 1` */
  handleCommandComplete({ text }: { text: string }): void {
    this.#given = { rows: this.#coming, count: Number(text.slice(text.lastIndexOf(" ") + 1)) };
    this.#coming = [];
  }

  handleReadyForQuery(): void {
    this.#done(null, this.#given);
  }

  handleError(error: Error): void {
    this.#done(error, this.#given);
  }
}
