/**
 * Statements for the simple query protocol, which has no parameters: every value becomes a literal. Nothing but this file
 * makes text for the server out of values, and a `Sql` can be made nowhere else, so a value is never taken for one.
 *
 * Why no parameters: role, claims and statement go in one round trip, as two statements of one message. Only the simple
 * protocol can do that without a statement that is prepared on the server, which a pooler in transaction mode would give
 * to somebody else.
 */
import pg from "pg";

const TEXT: unique symbol = Symbol("text");

/** A piece of a statement. */
export interface Sql {
  readonly [TEXT]: string;
}

type Value = string | number | boolean | null | readonly string[] | Sql;

const piece = (text: string): Sql => ({ [TEXT]: text });

/** A statement, or a piece of one: pieces are put in as they are, everything else as a literal. */
export function sql(strings: TemplateStringsArray, ...values: readonly Value[]): Sql {
  let text = strings[0] ?? "";
  values.forEach((value, index) => {
    text += (isSql(value) ? value : literal(value))[TEXT] + strings[index + 1];
  });
  return piece(text);
}

/** The name of a table or column, quoted. */
export const name = (of: string): Sql => piece(pg.escapeIdentifier(storable(of)));

/** Pieces with something between them. */
export const join = (pieces: readonly Sql[], between: Sql): Sql =>
  piece(pieces.map((each) => each[TEXT]).join(between[TEXT]));

/** The text that is sent. */
export const textOf = (statement: Sql): string => statement[TEXT];

/**
 * A value of a record, a filter or a cursor, in the contract's spelling. All are quoted, so that the type is the column's,
 * and a number below zero makes no comment out of a minus before it.
 */
export function literal(value: unknown): Sql {
  if (value === null) return piece("null");
  if (typeof value === "string") return piece(pg.escapeLiteral(storable(value)));
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return piece(`'${value}'`);
  if (Array.isArray(value)) return piece(pg.escapeLiteral(`{${value.map(element).join(",")}}`));
  throw new TypeError(`A value of type ${typeof value} has no literal.`);
}

const isSql = (value: Value): value is Sql => typeof value === "object" && value !== null && TEXT in value;

/** Quoted, so that neither commas nor the word null mean anything. */
function element(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("Arrays hold text only.");
  return `"${storable(value).replace(/["\\]/g, "\\$&")}"`;
}

/** On the wire a NUL ends the statement. No value that has been validated holds one. */
function storable(text: string): string {
  if (text.includes("\0")) throw new TypeError("Postgres keeps no text with a NUL in it.");
  return text;
}
