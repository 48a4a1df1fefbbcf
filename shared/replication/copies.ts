/**
 * Rows of Postgres as documents of the copy, and back: the same names and nesting, `_id` is the UUID, instants are Dates, amounts
 * Decimal128. Names that begin with `_` are the copy's own:
 *
 *   _seen         the versions that it includes, by site (seen.ts)
 *   _folded       as in any other collection (mongo/documents.ts)
 *   _deleted_at   what is left is a tombstone, which no reader sees
 */
import { type Document, Long, UUID } from "mongodb";
import { type Collection, identityOf } from "../definition/define.ts";
import { foldedFields } from "../definition/search.ts";
import { toRecord as fromDocument, toFields, uuidText } from "../mongo/documents.ts";
import { toRecord } from "../postgres/rows.ts";
import type { Seen } from "./seen.ts";
import type { RestoredRow, SourceRow } from "./source.ts";

/** The document that the copy is to have of a row. */
export function copyOf(collection: Collection, source: SourceRow): Document {
  const { owner } = identityOf(collection);
  if (!source.row)
    return {
      _id: new UUID(source.id),
      [owner]: new UUID(source.owner),
      version: Long.fromString(source.version),
      create_hash: source.create_hash,
      _seen: toLongs(source.seen),
      _deleted_at: new Date(source.deleted_at),
    };
  const record = toRecord(collection, source.row);
  const { create_hash = null } = source.row;
  return {
    _id: new UUID(source.id),
    [owner]: new UUID(String(record[owner])),
    ...toFields(collection, record),
    version: Long.fromNumber(Number(record.version)),
    created_at: new Date(String(record.created_at)),
    updated_at: new Date(String(record.updated_at)),
    create_hash,
    ...(collection.search.length > 0 && { _folded: foldedFields(collection, record) }),
    _seen: toLongs(source.seen),
  };
}

const toLongs = (seen: Seen): Document =>
  Object.fromEntries(Object.entries(seen).map(([site, version]) => [site, Long.fromNumber(version)]));

/** `_seen` of a document, as the driver reads it. */
export const seenIn = ({ _seen = {} }: Document): Seen =>
  Object.fromEntries(Object.entries(_seen).map(([site, version]) => [site, Number(version)]));

/** What Postgres takes of a document (`switchyard_replication_apply`, `…_merge`). */
export function rowOf(collection: Collection, document: Document): RestoredRow {
  const { owner } = identityOf(collection);
  const ownerId = uuidText(document[owner]);
  const id = uuidText(document._id);
  const { create_hash = null } = document;
  if (document._deleted_at)
    return {
      id,
      seen: seenIn(document),
      owner: ownerId,
      version: String(document.version),
      create_hash,
      deleted_at: (document._deleted_at as Date).toISOString(),
    };
  return { id, seen: seenIn(document), row: { ...fromDocument(collection, ownerId, document), create_hash } };
}
