/** Collections that have a copy: a parent and a child. */
import { type Collection, defineCollection, owner, replicated } from "../../shared/definition/define.ts";
import {
  currency,
  instant,
  money,
  name,
  optional,
  reference,
  tags,
  text,
  withDefault,
} from "../../shared/definition/fields.ts";

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

export const copied: readonly Collection[] = [senders, parcels];
