/** A collection with what the application's have not: instants, integers, unique keys, references to itself, money that is optional. */
import { allCollections } from "../../shared/collections/index.ts";
import { type Collection, defineCollection, home, owner } from "../../shared/definition/define.ts";
import {
  boolean,
  currency,
  decimal,
  instant,
  integer,
  json,
  money,
  name,
  optional,
  reference,
  tags,
  text,
  withDefault,
} from "../../shared/definition/fields.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";

export const bookings: Collection = defineCollection({
  name: "bookings",
  title: "booking",
  placement: home(),
  scope: owner(),
  fields: {
    title: name(),
    starts_at: instant(),
    ends_at: optional(instant()),
    seats: integer(),
    waiting: optional(integer()),
    price: money(),
    currency: currency(),
    deposit: optional(money()),
    discount: optional(decimal()),
    open: withDefault(boolean(), true),
    room: optional(text(100)),
    category_id: optional(reference("categories")),
    contact_id: optional(reference("contacts")),
    follows_id: optional(reference("bookings")),
    details: optional(json()),
    labels: withDefault(tags(3, 5), ["a", "it's"]),
  },
  unique: [["title"], ["room", "seats"], ["starts_at", "deposit"]],
  search: ["title", "room"],
});

/** Makes its table, in a database that holds nothing else of anybody's. */
export async function createBookings({ sql: run }: { sql(text: string): Promise<unknown> }): Promise<void> {
  const sql = collectionSql(bookings, [...allCollections, bookings]);
  await run(`do $script$ begin execute $text$${sql}$text$; end $script$`);
}
