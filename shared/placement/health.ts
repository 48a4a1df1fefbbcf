/** Whether each database answers. Requests at the same time share one look, so health cannot be used to load them. */
import { deadlinesOf } from "../deadlines.ts";
import { downReason } from "./down-reason.ts";
import type { Probe } from "./probes.ts";
import type { Home, RequestCalls } from "./service.ts";
import { within } from "./within.ts";

export interface DatabaseHealth {
  connected: boolean;
  /** null when it does not answer */
  latencyMs: number | null;
  error: string | null;
}

export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  databases: {
    /** null: not configured */
    mongodb: DatabaseHealth | null;
    postgresql: DatabaseHealth;
    timestamp: string;
  };
  message: string;
}

export interface HealthOptions {
  supabase: Probe;
  mongodb: Probe | undefined;
  /** how long a database may take to answer */
  probeMs?: number;
  clock: () => number;
}

const CACHE_MS = 1_000;

/** Answers soon after `probeMs`, whatever hangs. `onCall` is told how long each database took when it was looked at last. */
export function createHealth({
  supabase,
  mongodb,
  probeMs = deadlinesOf().probeMs,
  clock,
}: HealthOptions): (onCall?: RequestCalls["onCall"]) => Promise<Health> {
  let last: { until: number; health: Promise<Health>; calls: [Home, number][] } | undefined;

  const look = async (calls: [Home, number][]): Promise<Health> => {
    const start = clock();
    const timed = async (home: Home, answer: Promise<DatabaseHealth>) => {
      const found = await answer;
      calls.push([home, clock() - start]);
      return found;
    };
    const [postgresql, mongo] = await Promise.all([
      timed("supabase", ask("Supabase", supabase, probeMs, clock)),
      mongodb ? timed("mongodb", ask("MongoDB", mongodb, probeMs, clock)) : null,
    ]);
    const all = mongo ? [postgresql, mongo] : [postgresql];
    const errors = all.flatMap(({ error }) => error ?? []);
    return {
      status: errors.length === 0 ? "healthy" : errors.length < all.length ? "degraded" : "unhealthy",
      databases: { mongodb: mongo, postgresql, timestamp: new Date(clock()).toISOString() },
      message: errors.length === 0 ? "All databases answer." : errors.join(" "),
    };
  };

  const shared = () => {
    if (last && clock() < last.until) return last;
    const calls: [Home, number][] = [];
    const mine = { until: Number.POSITIVE_INFINITY, health: look(calls), calls };
    last = mine;
    void mine.health.then(() => {
      mine.until = clock() + CACHE_MS;
    });
    return mine;
  };

  return async (onCall) => {
    const { health, calls } = shared();
    const found = await health;
    for (const [home, ms] of calls) onCall?.(home, ms);
    return found;
  };
}

async function ask(name: string, probe: Probe, probeMs: number, clock: () => number): Promise<DatabaseHealth> {
  const start = clock();
  let failure: unknown;
  try {
    const answer = await within(probeMs, probe());
    if (answer?.isOk()) return { connected: true, latencyMs: clock() - start, error: null };
    failure = answer?.isErr() ? answer.error : undefined;
  } catch (error) {
    failure = error;
  }
  return { connected: false, latencyMs: null, error: downReason(name, failure) };
}
