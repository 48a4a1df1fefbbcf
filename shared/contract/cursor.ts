/**
 * Keyset cursors: what the last row of a page is sorted by. Opaque to clients and checked: a cursor carries a
 * digest of the owner, collection and query that it was made for, and is refused for any other. It grants nothing (the
 * scope is applied all the same), so the digest needs no secret.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../definition/define.ts";
import { fieldOf } from "../definition/define.ts";
import { comparable } from "../definition/fields.ts";
import { invalid, type RepositoryError } from "./errors.ts";
import { type ListQuery, orderOf, sortsOf } from "./query.ts";

/** Where a page ended: the values of the whole order, id included, in the API's form; null where the record has none. */
export type Keyset = readonly (string | number | boolean | null)[];

/** Of three texts of 2,000 characters of 4 bytes each, in base64. */
const MAX_CURSOR_LENGTH = 34_000;

export function encodeCursor(
  owner: string,
  collection: Collection,
  query: ListQuery,
  last: Readonly<Record<string, unknown>>,
): string {
  const keys = orderOf(query.sort).map(({ field }) => last[field] as Keyset[number]);
  return Buffer.from(JSON.stringify([digest(owner, collection, query), ...keys])).toString("base64url");
}

/** The keyset of a cursor, or `invalid_cursor` when it is damaged or belongs to another owner, collection or query. */
export function decodeCursor(
  owner: string,
  collection: Collection,
  query: ListQuery,
): Result<Keyset | undefined, RepositoryError> {
  if (query.cursor === undefined) return ok(undefined);
  const parts = parse(query.cursor);
  if (parts) {
    const [made, ...keys] = parts;
    const order = orderOf(query.sort);
    const fits = order.every(({ field: name }, at) => {
      const field = fieldOf(collection, name);
      return field && (keys[at] === null ? !field.required : comparable(field).safeParse(keys[at]).success);
    });
    if (made === digest(owner, collection, query) && keys.length === order.length && fits) return ok(keys as Keyset);
  }
  return err(
    invalid("invalid_cursor", "This cursor does not belong to this list. Start again without a cursor.", [
      { field: "cursor", code: "invalid_cursor", message: "Use next_cursor of the page before, with the same query." },
    ]),
  );
}

/**
 * What a cursor is bound to; the limit may change from page to page. Not by crypto.subtle, which hands these few bytes to
 * a thread and waits for it.
 */
function digest(owner: string, collection: Collection, { filters, q, sort }: ListQuery): string {
  const sorted = filters.map(({ field, operator, value }) => JSON.stringify([field, operator, value])).sort();
  const order = sortsOf(sort).map(({ field, direction }) => [field, direction]);
  const bound = JSON.stringify([owner, collection.name, sorted, q ?? null, order]);
  return createHash("sha256").update(bound).digest().subarray(0, 12).toString("base64url");
}

function parse(cursor: string): unknown[] | undefined {
  if (cursor.length > MAX_CURSOR_LENGTH) return undefined;
  const bytes = Buffer.from(cursor, "base64url");
  // Buffer leaves out what it cannot read
  if (bytes.toString("base64url") !== cursor) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}
