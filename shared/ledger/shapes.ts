/** What the ledger's functions answer (`supabase/migrations/*_ledger_*.sql`). Amounts are decimal strings of the asset's scale. */

/** Instants are ISO 8601, with an offset. */
export interface LedgerAccount {
  id: string;
  asset: string;
  status: "open" | "closed";
  /** what has happened */
  posted: string;
  /** what is held for transfers that are pending */
  pending: string;
  /** posted without pending: what can be moved */
  available: string;
  /** when the first of its holds is over, if nobody settles it before; null: nothing is held */
  next_release_at: string | null;
  /** how many entries it has */
  version: number;
  opened_at: string;
  closed_at: string | null;
}

export interface LedgerTransfer {
  id: string;
  kind: "deposit" | "withdrawal" | "transfer" | "yield" | "exchange" | "reversal";
  status: "pending" | "posted" | "voided";
  /** null: from outside, or the system's */
  from_account: string | null;
  to_account: string | null;
  asset: string;
  amount: string;
  to_asset: string | null;
  to_amount: string | null;
  reverses: string | null;
  description: string | null;
  network: string | null;
  tx_hash: string | null;
  block_number: string | null;
  gas: string | null;
  raw_amount: string | null;
  made_at: string;
  expires_at: string | null;
  settled_at: string | null;
}
