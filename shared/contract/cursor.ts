/**
 * Keyset cursors: the sort key and id of the last row of a page. Opaque to clients and checked: a cursor carries a
 * digest of the owner, collection and query that it was made for, and is refused for any other. It grants nothing (the
 * scope is applied all the same), so the digest needs no secret.
 */
import { err, ok, type Result } from "neverthrow";
import type { Collection } from "../collections/define.ts";
import { fieldOf } from "../collections/define.ts";
import { uuidSchema } from "../collections/fields.ts";
import { invalid, type RepositoryError } from "./errors.ts";
import type { ListQuery } from "./query.ts";

/** Where a page ended: the sort field's value in the API's form (null where the record has none), and the id. */
export interface Keyset {
  key: string | number | boolean | null;
  id: string;
}

const MAX_CURSOR_LENGTH = 16_384;

export async function encodeCursor(
  owner: string,
  collection: Collection,
  query: ListQuery,
  last: Keyset,
): Promise<string> {
  return toBase64Url(JSON.stringify([await digest(owner, collection, query), last.key, last.id]));
}

/** The keyset of a cursor, or `invalid_cursor` when it is damaged or belongs to another owner, collection or query. */
export async function decodeCursor(
  owner: string,
  collection: Collection,
  query: ListQuery,
): Promise<Result<Keyset | undefined, RepositoryError>> {
  if (query.cursor === undefined) return ok(undefined);
  const parts = parse(query.cursor);
  if (parts) {
    const [made, key, id] = parts;
    const field = fieldOf(collection, query.sort.field);
    const keyFits = field && (key === null ? !field.required : field.schema.safeParse(key).success);
    if (made === (await digest(owner, collection, query)) && keyFits && uuidSchema.safeParse(id).success)
      return ok({ key: key as Keyset["key"], id: id as string });
  }
  return err(
    invalid("invalid_cursor", "This cursor does not belong to this list. Start again without a cursor.", [
      { field: "cursor", code: "invalid_cursor", message: "Use next_cursor of the page before, with the same query." },
    ]),
  );
}

/** What a cursor is bound to; the limit may change from page to page. */
async function digest(owner: string, collection: Collection, { filters, q, sort }: ListQuery): Promise<string> {
  const sorted = filters.map(({ field, operator, value }) => JSON.stringify([field, operator, value])).sort();
  const bound = JSON.stringify([owner, collection.name, sorted, q ?? null, sort.field, sort.direction]);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(bound));
  return toBase64Url(new Uint8Array(hash).slice(0, 12));
}

function parse(cursor: string): unknown[] | undefined {
  if (cursor.length > MAX_CURSOR_LENGTH || !/^[A-Za-z0-9_-]+$/.test(cursor)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const parts: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return Array.isArray(parts) && parts.length === 3 ? parts : undefined;
  } catch {
    return undefined;
  }
}

function toBase64Url(data: string | Uint8Array): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
