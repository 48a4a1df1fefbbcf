/** A collection with its primary in Supabase and a replica behind it. */
import { type Document, Long, UUID } from "mongodb";
import { type Collection, defineCollection, owner, type RecordOf, replicated } from "../../shared/definition/define.ts";
import { currency, money, name, optional, text } from "../../shared/definition/fields.ts";
import { foldedFields } from "../../shared/definition/search.ts";
import { toFields } from "../../shared/mongo/documents.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";

const about = {
  name: "guests",
  title: "guest",
  scope: owner("host_id"),
  fields: { name: name(), spent: money(), currency: currency(), note: optional(text(50)) },
  unique: [["name"]],
  search: ["name"],
} as const;

export const guests = defineCollection({ ...about, placement: replicated("supabase", "reads") });

/** What there is of a record in the replica, as the replication writes it. */
export const copyOf = (record: RecordOf<typeof guests>): Document => ({
  _id: new UUID(record.id),
  host_id: new UUID(record.host_id),
  ...toFields(guests, { ...record }),
  version: Long.fromNumber(record.version),
  created_at: new Date(record.created_at),
  updated_at: new Date(record.updated_at),
  create_hash: null,
  _folded: foldedFields(guests, { ...record }),
  _seen: { 1: Long.fromNumber(record.version) },
});

/** What there is of one that was deleted. */
export const tombstoneOf = (record: RecordOf<typeof guests>): Document => ({
  _id: new UUID(record.id),
  host_id: new UUID(record.host_id),
  version: Long.fromNumber(record.version + 8),
  _seen: { 1: Long.fromNumber(record.version + 8) },
  _deleted_at: new Date(),
});

/** The statement that makes its table, as one. */
export const guestsSql = (): string =>
  `do $script$ begin execute $text$${collectionSql(guests as unknown as Collection, [])}$text$; end $script$`;
