/**
 * What becomes of every table of Supabase's Postgres in a backup. A test compares this with the schema: a migration that adds a
 * table decides here, too. Collections have their own lines (record-lines.ts), and `switchyard.tombstones` is read with them.
 */

export type TableDecision =
  /** it is in it, whole; `where`: those rows of it that mean something afterwards. `optional`: older Supabases are without it */
  | { is: "kept"; where?: string; optional?: true }
  /** the lines of collections are made of it */
  | { is: "records" }
  /** it comes about again from the rest, or from the configuration, in the way that is said */
  | { is: "derived"; from: string }
  /** it tells of the running system, and means nothing in another one */
  | { is: "transient"; because: string };

const kept: TableDecision = { is: "kept" };
const derived = (from: string): TableDecision => ({ is: "derived", from });
const transient = (because: string): TableDecision => ({ is: "transient", because });

/** The tables that are kept stand in the order in which they can be restored. */
export const TABLES: Readonly<Record<string, TableDecision>> = {
  "auth.users": kept,
  "auth.identities": kept,
  "auth.mfa_factors": { is: "kept", optional: true },
  "switchyard.databases": kept,
  "switchyard.placements": kept,
  "switchyard.settings": {
    is: "kept",
    // the address and key of the project that it was read from are no other project's
    where: "key not in ('functions_url', 'secret_key')",
  },
  // accounts deleted before the backup stay deleted, and what is left of theirs is still taken away
  "switchyard.purges": kept,
  "switchyard.tasks": { is: "kept", where: "queue = 'purge' and done_at is null" },
  "switchyard.revocations": kept,
  "public.user_database_assignments": kept,
  "switchyard.assignment_history": kept,
  "public.private_profiles": kept,
  "public.assets": kept,
  "public.ledger_owners": kept,
  "public.ledger_accounts": kept,
  "public.ledger_transfers": kept,
  "public.ledger_entries": kept,
  "public.ledger_rates": kept,
  "public.ledger_history": kept,
  "switchyard.conflicts": kept,
  "switchyard.imports": kept,
  "switchyard.import_users": kept,
  // one that was under way begins anew: what it has changed already is found to be so
  "switchyard.data_migrations": { is: "kept", where: "state in ('done', 'reverted')" },
  "switchyard.admin_audit": kept,
  "switchyard.admin_audit_outcomes": kept,

  "switchyard.tombstones": { is: "records" },

  "switchyard.collections": derived("the migrations"),
  "switchyard.count_changes": derived("the assignments: users are counted as they come"),
  "switchyard.unconfirmed_users": derived("auth.users and the assignments: their time to confirm begins again"),
  "switchyard.quotas": derived("the configuration, by `db prepare`"),
  "switchyard.user_usage": derived("the records: they are counted as they come"),
  "switchyard.user_sizes": derived("the records: they are measured again"),
  "switchyard.replication": derived("`db prepare`, which switches it on"),
  "switchyard.backups": derived("the manifests beside the parts, which `backup list` reads"),

  "switchyard.self": transient("says which database it stands in, and each has its own"),
  "switchyard.apply_secret": transient("a secret of one database, which makes its own"),
  "switchyard.database_health": transient("databases are asked again"),
  "switchyard.database_state": transient("databases are measured again"),
  "switchyard.session_uses": transient("nobody stays signed in"),
  "switchyard.sign_ups": transient("counts sign-ups of the last hour by network"),
  "switchyard.past_cache": transient("of the instances that were running"),
  "switchyard.marks": transient("`backfill` marks every record for its copy"),
  "switchyard.backfills": transient("a backfill begins again"),
  "switchyard.replication_claims": transient("of the workers that were running"),
  "switchyard.replication_failures": transient("every record is sent again"),
  "switchyard.replication_batches": transient("how fast copying was"),
  "switchyard.replication_received": transient("how far the copy had come"),
  "switchyard.replication_presence": transient("of the instances that were running"),
  "switchyard.replication_attendance": transient("of the workers that were running"),
  "switchyard.moves": transient(
    "a move that was open begins anew, and of the copy that a finished one keeps nobody reads",
  ),
  "switchyard.moves_wakes": transient("of the workers that were running"),
  "switchyard.metrics": transient("how the system ran that was backed up"),
  "switchyard.metric_flushes": transient("of the instances that were running"),
  "switchyard.alerts": transient("what is wrong is noticed again"),
  "switchyard.alert_notices": transient("what is wrong is noticed again"),
  "switchyard.ledger_watch": transient("the ledger is walked again"),
};

export interface KeptTable {
  name: string;
  where: string | undefined;
  isOptional: boolean;
}

/** What only the control plane has, in the order in which it can be restored. */
export const CONTROL_TABLES: readonly KeptTable[] = Object.entries(TABLES).flatMap(([name, decision]) =>
  decision.is === "kept" ? [{ name, where: decision.where, isOptional: decision.optional === true }] : [],
);
