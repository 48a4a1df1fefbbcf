/**
 * One line for one record, whichever engine it was read from, so that either can take it: typed as MongoDB keeps it (UUIDs,
 * Decimal128, Long, Date), named as the contract names it.
 *
 *   { id, <owner>, <fields>, version, created_at, updated_at, create_hash, _seen? }
 *   { id, <owner>, version, create_hash, _deleted_at, _seen? }     what is left of a deleted record
 *
 * `_seen` are the versions that a replicated record includes, by site. What follows from the rest (folded text) is not in it.
 */
import { type Document, Long, UUID } from "mongodb";
import { type Collection, identityOf } from "../definition/define.ts";
import { fromStored, toFields, uuidText } from "../mongo/documents.ts";
import { keysOf } from "../mongo/keys.ts";
import { toRecord } from "../postgres/rows.ts";
import type { Row } from "../repository/store.ts";

export type Line = Record<string, unknown>;

/** As Postgres keeps what is left of a deleted record. */
export interface TombstoneRow {
  id: string;
  user_id: string;
  version: string;
  create_hash: string | null;
  deleted_at: string | Date;
  seen?: Record<string, number> | null;
}

/** Of a row as it is read, with numbers and JSON as text. */
export function lineOfRow(collection: Collection, row: Row): Line {
  const { owner } = identityOf(collection);
  const record = toRecord(collection, row);
  return {
    id: new UUID(String(record.id)),
    [owner]: new UUID(String(record[owner])),
    ...toFields(collection, record),
    version: Long.fromString(String(row.version)),
    created_at: new Date(String(record.created_at)),
    updated_at: new Date(String(record.updated_at)),
    create_hash: row.create_hash ?? null,
    ...seenOf(row.seen),
  };
}

export function lineOfTombstone(collection: Collection, row: TombstoneRow): Line {
  return {
    id: new UUID(row.id),
    [identityOf(collection).owner]: new UUID(row.user_id),
    version: Long.fromString(String(row.version)),
    create_hash: row.create_hash,
    _deleted_at: new Date(row.deleted_at),
    ...seenOf(row.seen),
  };
}

const seenOf = (seen: unknown): Line =>
  seen === null || seen === undefined
    ? {}
    : {
        _seen: Object.fromEntries(
          Object.entries(typeof seen === "string" ? JSON.parse(seen) : seen).map(([site, version]) => [
            site,
            Long.fromNumber(Number(version)),
          ]),
        ),
      };

/** What a document keeps for itself, and can be made again. */
const DERIVED: ReadonlySet<string> = new Set(["_id", "_folded", "_touched", "_dirty"]);

/** Of a document as it is read with `promoteValues: false`. */
export function lineOfDocument(collection: Collection, document: Document): Line {
  const { owner, ownerOf, idOf } = keysOf(collection);
  const own = Object.entries(document).filter(([name]) => !DERIVED.has(name));
  return {
    id: new UUID(uuidText(idOf(document))),
    [owner]: new UUID(uuidText(ownerOf(document))),
    ...Object.fromEntries(own.filter(([name]) => name !== owner)),
  };
}

/** What a line says, in the contract's spelling: as `HomeCopy` takes it, and with what a replicated record includes, by site. */
export type Stored = StoredRecord | StoredTombstone;
export interface StoredRecord {
  /** every field, with id, owner, version and times */
  record: Row;
  /** of the request that made it */
  createHash: string | null;
  seen: Record<string, number> | null;
}
export interface StoredTombstone {
  id: string;
  owner: string;
  version: number;
  createHash: string | null;
  /** an instant */
  deletedAt: string;
  seen: Record<string, number> | null;
}

export function storedOfLine(collection: Collection, line: Line): Stored {
  const said = { createHash: (line.create_hash ?? null) as string | null, seen: seenOfLine(line) };
  if (!isTombstone(line)) return { record: recordOf(collection, line), ...said };
  const [id, owner] = [uuidText(line.id), uuidText(line[identityOf(collection).owner])];
  return { id, owner, version: versionOf(line), deletedAt: (line._deleted_at as Date).toISOString(), ...said };
}

const seenOfLine = ({ _seen }: Line): Record<string, number> | null =>
  _seen === undefined || _seen === null
    ? null
    : Object.fromEntries(Object.entries(_seen).map(([site, version]) => [site, Number(version)]));

/** The record of a line in the contract's spelling; null where it is a tombstone. */
export const recordOfLine = (collection: Collection, line: Line): Row | null =>
  isTombstone(line) ? null : recordOf(collection, line);

function recordOf(collection: Collection, line: Line): Row {
  const { owner } = identityOf(collection);
  const fields = Object.entries(collection.fields).map(([name, { kind }]) => [
    name,
    fromStored(kind, kind === "json" ? promoted(line[name]) : line[name]),
  ]);
  return {
    id: uuidText(line.id),
    [owner]: uuidText(line[owner]),
    ...Object.fromEntries(fields),
    version: versionOf(line),
    created_at: (line.created_at as Date).toISOString(),
    updated_at: (line.updated_at as Date).toISOString(),
  };
}

const NUMBERS: ReadonlySet<unknown> = new Set(["Double", "Int32"]);

/** Numbers in JSON as the driver promotes them: a line has them with their types. */
function promoted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(promoted);
  if (value === null || typeof value !== "object") return value;
  if ("_bsontype" in value) return NUMBERS.has(value._bsontype) ? Number(value) : value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, promoted(inner)]));
}

export const isTombstone = (line: Line): boolean => line._deleted_at !== undefined;
export const versionOf = (line: Line): number => Number(line.version);
