/** Collections that have a copy: a parent and a child, and one that both databases take writes of. */
import type { MongoClient } from "mongodb";
import { type Collection, defineCollection, owner, replicated } from "../../shared/definition/define.ts";
import {
  currency,
  decimal,
  instant,
  json,
  money,
  name,
  optional,
  reference,
  tags,
  text,
  withDefault,
} from "../../shared/definition/fields.ts";
import type { MongoSide } from "../../shared/replication/mongo-side.ts";

const placement = replicated("supabase", "reads");

export const senders = defineCollection({
  name: "senders",
  title: "sender",
  placement,
  scope: owner("clerk_id"),
  fields: { name: name(), labels: withDefault(tags(5, 20), []) },
  search: ["name"],
}) as unknown as Collection;

const parcels = defineCollection({
  name: "parcels",
  title: "parcel",
  placement,
  scope: owner("clerk_id"),
  fields: {
    sender_id: reference("senders"),
    price: money(),
    currency: currency(),
    sent_at: optional(instant()),
    note: optional(text(500)),
  },
}) as unknown as Collection;

export const notes = defineCollection({
  name: "notes",
  title: "note",
  placement: replicated("mongodb", "reads-and-writes"),
  scope: owner("clerk_id"),
  fields: {
    text: name(),
    labels: withDefault(tags(5, 20), []),
    size: optional(decimal()),
    at: optional(instant()),
    more: optional(json()),
  },
  search: ["text"],
}) as unknown as Collection;

export const copied: readonly Collection[] = [senders, parcels, notes];

/** The database that the URL names has the copies; that of the records is beside it. */
export const sideOf = (client: MongoClient): MongoSide => ({
  replica: () => client.db(),
  home: () => client.db(`${client.db().databaseName}_home`),
});
