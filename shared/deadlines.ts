/**
 * How long anything may take, in milliseconds, in one place. Five numbers are configuration; all others follow from them,
 * because they only make sense together: what one call may take must fit into its request, a look at a database's health
 * into the call that asks for it.
 *
 * What they mean where this runs:
 * - Vercel ends a function after its own `maxDuration` (10 s to 300 s by plan) with a bare 504. An answer of ours has to come
 *   before, so REQUEST_DEADLINE_MS stays well below it, and EXPORT_DEADLINE_MS and BATCH_DEADLINE_MS below it, too: an export that would be cut
 *   off by Vercel looks like a whole file.
 * - Supabase Auth waits 5 s for the hook "before user created", all three tries together, and 2 s for the token function.
 *   HOOK_DEADLINE_MS stays below a third of 5 s plus what the way there takes.
 * - Both freeze a function that has nothing to do: sockets die, and the next call learns it only from DATABASE_CONNECT_MS.
 *
 * In development they follow a measurement of the machine (scripts/dev/machine-speed.ts).
 */
export const DEFAULT_DEADLINES = {
  REQUEST_DEADLINE_MS: 2_500,
  EXPORT_DEADLINE_MS: 60_000,
  BATCH_DEADLINE_MS: 20_000,
  HOOK_DEADLINE_MS: 1_700,
  DATABASE_CONNECT_MS: 2_000,
} as const;

export type DeadlineSettings = { readonly [N in keyof typeof DEFAULT_DEADLINES]?: number | undefined };

export interface Deadlines {
  /** all database calls of one request together */
  readonly requestMs: number;
  /** all pages of one export together */
  readonly exportMs: number;
  /** all calls of one batch, or of one merge, together */
  readonly batchMs: number;
  /** one statement or command; the database ends it itself, before its request is over */
  readonly queryMs: number;
  /** one HTTP call of a supabase-js client that nothing else bounds */
  readonly callMs: number;
  /** one look at whether a database answers */
  readonly probeMs: number;
  /** an admin's statistics */
  readonly statisticsMs: number;
  /** what a request gives the primary of a replicated collection before it reads the replica */
  readonly primaryMs: number;
  /** having what only a primary has copied before its fallback is read: a primary that is away for all does not answer in it */
  readonly catchUpMs: number;
  /** finding out up to when a replica is complete */
  readonly completenessMs: number;
  /** reading the keys that tokens are verified with */
  readonly keysMs: number;
  /** longest wait, within a request, for the list of deleted users */
  readonly deletedUsersMs: number;
  /** the driver: finding a server, opening a connection, waiting for a free one */
  readonly connectMs: number;
  /** a socket that carries nothing for so long is dead */
  readonly socketMs: number;
  /** a connection that a call holds for so long will not come back: longer than any request waits */
  readonly stuckMs: number;
  /** everything that the sign-up hook does */
  readonly hookMs: number;
  /** one database that the hook looks at */
  readonly hookProbeMs: number;
  /** one call of the hook's to Supabase */
  readonly hookCallMs: number;
}

/** All deadlines; what is not set has its default. */
export function deadlinesOf(settings: DeadlineSettings = {}): Deadlines {
  const requestMs = settings.REQUEST_DEADLINE_MS ?? DEFAULT_DEADLINES.REQUEST_DEADLINE_MS;
  const hookMs = settings.HOOK_DEADLINE_MS ?? DEFAULT_DEADLINES.HOOK_DEADLINE_MS;
  const share = (of: number, part: number) => Math.max(1, Math.round(of * part));
  return {
    requestMs,
    exportMs: settings.EXPORT_DEADLINE_MS ?? DEFAULT_DEADLINES.EXPORT_DEADLINE_MS,
    batchMs: settings.BATCH_DEADLINE_MS ?? DEFAULT_DEADLINES.BATCH_DEADLINE_MS,
    queryMs: share(requestMs, 0.8),
    callMs: share(requestMs, 2),
    probeMs: share(requestMs, 0.48),
    statisticsMs: share(requestMs, 1.08),
    primaryMs: share(requestMs, 0.48),
    catchUpMs: share(requestMs, 0.2),
    completenessMs: share(requestMs, 0.1),
    keysMs: share(requestMs, 0.4),
    deletedUsersMs: share(requestMs, 0.28),
    connectMs: settings.DATABASE_CONNECT_MS ?? DEFAULT_DEADLINES.DATABASE_CONNECT_MS,
    socketMs: share(requestMs, 4),
    stuckMs: share(requestMs, 1.2),
    hookMs,
    hookProbeMs: share(hookMs, 0.53),
    hookCallMs: share(hookMs, 0.6),
  };
}
