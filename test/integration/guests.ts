/** A collection with its primary in Supabase and a replica behind it. */
import { type Collection, defineCollection, owner, pinned, replicated } from "../../shared/definition/define.ts";
import { currency, money, name, optional, text } from "../../shared/definition/fields.ts";
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
/** The same table; whether it is copied makes no difference to who reads and writes it. */
const table = defineCollection({ ...about, placement: pinned("supabase") });

/** The statement that makes its table, as one. */
export const guestsSql = (): string =>
  `do $script$ begin execute $text$${collectionSql(table as unknown as Collection, [])}$text$; end $script$`;
