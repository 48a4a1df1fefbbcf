/**
 * One line for one record, whichever engine it was read from, so that either can take it: typed as MongoDB keeps it (UUIDs,
 * Decimal128, Long, Date), named as the contract names it.
 *
 *   { id, <owner>, <fields>, version, created_at, updated_at, create_hash, _seen? }
 *   { id, <owner>, version, create_hash, _deleted_at, _seen? }     what is left of a deleted record
 *
 * `_seen` are the versions that a replicated record includes, by site. What follows from the rest (folded text) is not in it.
 */
import { type Binary, type Document, Long, UUID } from "mongodb";
import { type Collection, identityOf } from "../definition/define.ts";
import type { FieldKind } from "../definition/fields.ts";
import { fromStored, toStored, uuidText } from "../mongo/documents.ts";
import { keysOf } from "../mongo/keys.ts";
import { toValue } from "../postgres/rows.ts";
import type { Row } from "../repository/store.ts";
import { dateOf, decimal128Of, longOf, uuidOf } from "./exact-values.ts";

export type Line = Record<string, unknown>;
/** Under this symbol a line has its text, where whoever has read it knows that already; then not all of its fields are there. */
export const WRITTEN: unique symbol = Symbol("text of a line");

/** As Postgres keeps what is left of a deleted record. */
export interface TombstoneRow {
  id: string;
  user_id: string;
  version: string;
  create_hash: string | null;
  deleted_at: string | Date;
  seen?: Record<string, number> | null;
}

/** Of a row as it is read, with numbers, JSON and instants (in UTC) as text. */
export function lineOfRow(collection: Collection, row: Row): Line {
  const { owner } = identityOf(collection);
  const line: Line = { id: uuidOf(String(row.id)), [owner]: uuidOf(String(row[owner])) };
  for (const [name, { kind }] of Object.entries(collection.fields)) {
    const value = row[name];
    line[name] = value === null || value === undefined ? null : lineValue(kind, value);
  }
  line.version = longOf(String(row.version));
  line.created_at = dateOf(String(row.created_at));
  line.updated_at = dateOf(String(row.updated_at));
  line.create_hash = row.create_hash ?? null;
  if (row.seen !== null && row.seen !== undefined) Object.assign(line, seenOf(row.seen));
  return line;
}

function lineValue(kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case "money":
    case "decimal":
      return decimal128Of(String(value));
    case "integer":
      return longOf(String(value));
    case "instant":
      return dateOf(String(value));
    case "reference":
      return uuidOf(String(value));
    default:
      return toStored(kind, toValue(kind, value));
  }
}

export function lineOfTombstone(collection: Collection, row: TombstoneRow): Line {
  return {
    id: uuidOf(row.id),
    [identityOf(collection).owner]: uuidOf(row.user_id),
    version: longOf(row.version),
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
  const line: Line = { id: uuidIn(idOf(document)), [owner]: uuidIn(ownerOf(document)) };
  for (const name of Object.keys(document)) if (name !== owner && !DERIVED.has(name)) line[name] = document[name];
  return line;
}

const uuidIn = (value: unknown): UUID => new UUID((value as Binary).value());

/** What a line says, in the contract's spelling: as `HomeCopy` takes it, and with what a replicated record includes, by site. */
export type Stored = StoredRecord | StoredTombstone;
interface StoredRecord {
  /** every field, with id, owner, version and times */
  record: Row;
  /** of the request that made it */
  createHash: string | null;
  seen: Record<string, number> | null;
}
interface StoredTombstone {
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
