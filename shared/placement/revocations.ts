/**
 * Whose access has ended before their tokens do, as one instance knows it: a copy of `switchyard.revocations` (its migration
 * says what each entry means). It is bounded by what happens within the longest life of a token: a sign-out takes some 150
 * bytes, so 10,000 of them an hour, with tokens that live an hour, are 1.5 MB.
 */

/** As the database lists it; times in seconds since 1970. */
export interface RevocationRow {
  user_id: string;
  /** null: the user's own entry */
  session_id: string | null;
  reason: RevocationReason;
  not_before: number | null;
  until: number | null;
  is_lifted: boolean;
  changed_at: number;
}

export type RevocationReason = "banned" | "deleted" | "signed_out";

/** What is looked at of a token that has been verified. */
export interface PresentedToken {
  userId: string;
  sessionId?: string | undefined;
  /** `iat`, seconds since 1970 */
  issuedAt: number;
}

interface Entries {
  deleted?: true;
  /** milliseconds since 1970 */
  bannedUntil?: number;
  /** seconds since 1970, of tokens without a session */
  signedOutBefore?: number;
}

export interface Revocations {
  apply(rows: readonly RevocationRow[]): void;
  /** Why that token is good for nothing any more; undefined when it is. */
  reasonOf(token: PresentedToken, nowMs: number): RevocationReason | undefined;
  isDeleted(userId: string): boolean;
}

export function createRevocations(): Revocations {
  const users = new Map<string, Entries>();
  const sessions = new Set<string>();

  const applyToUser = ({ user_id, reason, until, not_before, is_lifted }: RevocationRow) => {
    const entries = users.get(user_id) ?? {};
    if (reason === "deleted") {
      if (is_lifted) delete entries.deleted;
      else entries.deleted = true;
    } else if (reason === "banned") {
      if (is_lifted) delete entries.bannedUntil;
      else entries.bannedUntil = until === null ? Number.POSITIVE_INFINITY : until * 1_000;
    } else entries.signedOutBefore = Math.max(entries.signedOutBefore ?? 0, not_before ?? 0);
    if (Object.keys(entries).length > 0) users.set(user_id, entries);
    else users.delete(user_id);
  };

  return {
    apply(rows) {
      for (const row of rows)
        if (row.session_id === null) applyToUser(row);
        else sessions.add(row.session_id);
    },
    reasonOf({ userId, sessionId, issuedAt }, nowMs) {
      const { deleted, bannedUntil = 0, signedOutBefore = 0 } = users.get(userId) ?? {};
      if (deleted) return "deleted";
      if (bannedUntil > nowMs) return "banned";
      const isSignedOut = sessionId === undefined ? issuedAt < signedOutBefore : sessions.has(sessionId);
      return isSignedOut ? "signed_out" : undefined;
    },
    isDeleted: (userId) => users.get(userId)?.deleted === true,
  };
}
