/** How much one user keeps in a database, and may keep: living records, and their bytes as that database counts them. */

/** Null: no limit. */
export interface Quota {
  readonly records: number | null;
  readonly bytes: number | null;
}

export interface Usage {
  records: number;
  bytes: number;
}

/** Usage and quota, as the databases spell them. */
export interface Counted extends Usage {
  quota_records: number | null;
  quota_bytes: number | null;
}

/** Generous: a household's bookkeeping of thirty years is a tenth of it. */
export const DEFAULT_QUOTA: Quota = { records: 100_000, bytes: 100 * 1024 ** 2 };
