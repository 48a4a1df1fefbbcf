/** A user's rows of replicated collections, put together from the databases that are configured here. */
import { ok } from "neverthrow";
import type { Deadlines } from "../deadlines.ts";
import type { Placement } from "../definition/define.ts";
import type { Log } from "../log.ts";
import type { Replica } from "../repository/database.ts";
import type { ReadStore, Store } from "../repository/store.ts";
import type { Breaker } from "./breaker.ts";
import { createCompleteUpTo } from "./complete-up-to.ts";
import { titleOf } from "./database-names.ts";
import { deadlineIn } from "./deadline.ts";
import { type Guard, guarded, guardReads, guardStore } from "./guarded-store.ts";
import { REPLICA_HOLDER } from "./kept-collections.ts";
import { createPromotedStore, createPromotions } from "./promoted.ts";
import { createReadSources } from "./read-sources.ts";
import type { Registry } from "./registry.ts";
import { createReplicatedStore } from "./replicated.ts";
import type { RequestCalls, RequestUser } from "./service.ts";

type Replicated = Extract<Placement, { kind: "replicated" }>;

export interface ReplicatedStoresOptions {
  registry: Registry;
  /** of the database of that name, for such a request */
  guardFor: (name: string, calls: RequestCalls) => Guard;
  breakerOf: (name: string) => Breaker;
  deadlines: Deadlines;
  clock: () => number;
  log: Log;
}

/** `openPrimary` gives the user's rows in the primary, for calls that end with that signal. */
type StoreOf = (
  placement: Replicated,
  user: RequestUser,
  openPrimary: (calls: { signal: AbortSignal }) => Store,
) => Store;

export function createReplicatedStores(options: ReplicatedStoresOptions): StoreOf {
  const { registry, guardFor, breakerOf, deadlines, clock, log } = options;
  const replicaFor = (primary: string): Replica | undefined =>
    primary === REPLICA_HOLDER ? undefined : registry.get(REPLICA_HOLDER)?.replica;

  // through the breaker of the server that holds it, as the reads are
  const completeUpTo = createCompleteUpTo({
    read: async () => {
      const replica = registry.get(REPLICA_HOLDER)?.replica;
      if (!replica) return null;
      return (await guarded(guardFor(REPLICA_HOLDER, {}), () => replica.completeUpTo())).unwrapOr(null);
    },
    limitMs: deadlines.completenessMs,
    clock,
  });

  const openReplica = (
    { primary, fallback }: Replicated,
    { id, scope, jwt, onCall }: RequestUser,
    signal: AbortSignal,
  ): ReadStore | undefined => {
    const replica = fallback === "reads" ? replicaFor(primary) : undefined;
    if (!replica) return undefined;
    const named = onCall && ((name: string, ms: number) => onCall(name, ms, "replica"));
    return guardReads(
      () => replica.scoped({ id, scope, jwt, signal }),
      guardFor(REPLICA_HOLDER, { signal, onCall: named }),
    );
  };

  const promotions = createPromotions({
    read: async () => {
      const replica = registry.get(REPLICA_HOLDER)?.replica;
      return replica ? guarded(guardFor(REPLICA_HOLDER, {}), () => replica.promotions()) : ok(new Map());
    },
    limitMs: deadlines.completenessMs,
    clock,
  });

  /** The copy as what is written, where the operator has made it that. */
  const openPromoted = (replica: Replica, { id, scope, jwt, onCall }: RequestUser, signal: AbortSignal): Store =>
    guardStore(() => replica.writable({ id, scope, jwt, signal }), guardFor(REPLICA_HOLDER, { signal, onCall }));

  return (placement, user, openPrimary) => {
    const { primary: name } = placement;
    const signal = user.signal ?? deadlineIn(deadlines.requestMs);
    const replica = replicaFor(name);
    const usual = createReplicatedStore({
      primary: { name, title: titleOf(name) },
      breaker: breakerOf(name),
      open: (until) => openPrimary({ signal: until ? AbortSignal.any([signal, until]) : signal }),
      replica: openReplica(placement, user, signal),
      completeUpTo,
      primaryMs: deadlines.primaryMs,
      reads: user.reads ?? "anywhere",
      sources: user.sources ?? createReadSources(),
      log,
    });
    return replica ? createPromotedStore({ promotions, usual, copy: openPromoted(replica, user, signal) }) : usual;
  };
}
