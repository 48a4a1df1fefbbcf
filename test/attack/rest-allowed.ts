/** What a user may do through Supabase's REST with their own token. Whatever is not in this list is refused. */

import { tableCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";

interface Rights {
  select: string[];
  insert: string[];
  update: string[];
  delete: boolean;
}

/** A client may give a new record its id and, through the API, the hash of the request that made it; both are for good. */
function ofCollection({ fields, search, scope, placement, usersMay }: Collection): Rights {
  const own = Object.keys(fields);
  const changed = own.filter((name) => !fields[name]?.isAuthor);
  const set = [scope.field, "id", "create_hash"];
  const made = ["version", "created_at", "updated_at", ...(search.length > 0 ? ["search_text"] : [])];
  if (placement.kind === "replicated") made.push("seen");
  return {
    select: [...own, ...set, ...made].sort(),
    insert: usersMay.includes("insert") ? [...own, ...set].sort() : [],
    update: usersMay.includes("update") ? changed.sort() : [],
    delete: usersMay.includes("delete"),
  };
}

const readOnly = (...columns: string[]): Rights => ({ select: columns.sort(), insert: [], update: [], delete: false });

/** Of the ledger: an owner stands there under a pseudonym, so whose rows they are `rest-ledger.ts` looks at. */
export const ledgerRelations: Readonly<Record<string, Rights>> = {
  ledger_history: readOnly(),
  assets: readOnly("code", "scale", "kind"),
  ledger_rates: readOnly("asset", "to_asset", "rate", "set_at"),
  ledger_accounts: readOnly(
    ...["id", "owner_id", "asset", "kind", "posted", "held", "version", "opened_at", "closed_at"],
  ),
  ledger_entries: readOnly(...["account_id", "version", "transfer_id", "asset", "amount", "balance_after", "at"]),
  ledger_transfers: readOnly(
    ...["id", "kind", "status", "from_account", "to_account", "asset", "amount", "to_asset", "to_amount", "reverses"],
    ...[
      "description",
      "network",
      "tx_hash",
      "block_number",
      "gas",
      "raw_amount",
      "made_at",
      "expires_at",
      "settled_at",
    ],
  ),
};

/** For `authenticated`, on rows that are their own. `anon` may do nothing. */
export const allowedRelations: Readonly<Record<string, Rights>> = {
  ...Object.fromEntries(tableCollections.map((collection) => [collection.name, ofCollection(collection)])),
  ...ledgerRelations,
  private_profiles: readOnly("user_id", "kyc_status", "wallet_address", "updated_at"),
  user_database_assignments: {
    select: ["assigned_at", "database_provider", "epoch", "held_until", "reason", "state", "turn", "user_id"],
    insert: [],
    update: [],
    delete: false,
  },
};

/** Functions of `public` that `authenticated` may call; they run with the caller's own rights. `anon` may call none. */
export const allowedFunctions: readonly string[] = [
  "records_absence",
  "records_beyond",
  "records_column",
  "records_condition",
  "records_create",
  "records_delete",
  "records_json",
  "records_list",
  "records_missing",
  "records_refusal",
  "records_summarize",
  "records_update",
];
