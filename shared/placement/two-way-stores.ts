/** A caller's rows of two-way collections, put together from the databases that are configured here. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Deadlines } from "../deadlines.ts";
import type { Log } from "../log.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Store } from "../repository/store.ts";
import type { Breaker } from "./breaker.ts";
import { createCatchUp } from "./catch-up.ts";
import { CONTROL_PLANE, titleOf } from "./database-names.ts";
import { deadlineIn } from "./deadline.ts";
import { createFallbackState, type FallbackKnows, type Presence } from "./fallback-state.ts";
import { type Guard, guarded } from "./guarded-store.ts";
import { createReadSources } from "./read-sources.ts";
import type { RequestCalls, RequestUser } from "./service.ts";
import { createTwoWayStore } from "./two-way.ts";

export interface TwoWayStoresOptions {
  /** with the secret key */
  service: SupabaseClient;
  /** for calls of Supabase's own functions */
  controlGuard: (calls: RequestCalls) => Guard;
  breakerOf: (name: string) => Breaker;
  /** the caller's rows in the database of that name */
  storeAt: (name: string, user: RequestUser) => Store;
  /** copies what is marked, in both directions; rejects when one of them cannot be reached */
  replicate: () => Promise<unknown>;
  deadlines: Deadlines;
  clock: () => number;
  log: Log;
}

/** Of `switchyard_replication_fallback`. */
interface Answered {
  is_on: boolean;
  pending: boolean;
  oldest_pending_ms: number | null;
  complete_up_to: string | null;
  is_read_here: boolean;
}

/** `primary` is a name in `switchyard.databases`; behind it is Supabase. */
export function createTwoWayStores(options: TwoWayStoresOptions): (primary: string, user: RequestUser) => Store {
  const { service, controlGuard, breakerOf, storeAt, replicate, deadlines, clock, log } = options;
  const read = async ({ readsMs, writesMs }: Presence): Promise<Result<FallbackKnows, RepositoryError>> => {
    const presence = { p_reads_ms: readsMs, p_writes_ms: writesMs };
    const ask = () => callSystem<Answered>(service, "switchyard_replication_fallback", presence);
    return (await guarded(controlGuard({}), ask)).map((found) => ({
      isOn: found.is_on,
      isPending: found.pending,
      oldestPendingMs: found.oldest_pending_ms,
      completeUpTo: found.complete_up_to === null ? null : new Date(found.complete_up_to),
      isReadHere: found.is_read_here,
    }));
  };
  const isAway = () => controlGuard({}).breaker.isOpen();
  const state = createFallbackState({
    read,
    isAway,
    limitMs: deadlines.probeMs,
    requestMs: deadlines.requestMs,
    clock,
  });
  const catchUp = createCatchUp({ copy: replicate, limitMs: deadlines.catchUpMs, clock });

  return (name, user) => {
    const signal = user.signal ?? deadlineIn(deadlines.requestMs);
    return createTwoWayStore({
      primary: { name, title: titleOf(name) },
      breaker: breakerOf(name),
      open: (until) => storeAt(name, { ...user, signal: until ? AbortSignal.any([signal, until]) : signal }),
      primaryMs: deadlines.primaryMs,
      behind: storeAt(CONTROL_PLANE, { ...user, signal }),
      state,
      catchUp,
      reads: user.reads ?? "anywhere",
      sources: user.sources ?? createReadSources(),
      log,
    });
  };
}
