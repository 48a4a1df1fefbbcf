/** What the admins see: who lives where, and how much each database holds. What cannot be known is null. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Db } from "mongodb";
import { callSystem } from "./assignment.ts";
import { downReason } from "./down-reason.ts";
import type { Home, RequestCalls } from "./service.ts";
import { within } from "./within.ts";

interface DatabaseState {
  connected: boolean;
  /** users at home there */
  totalUsers: number | null;
  /** records of each collection there */
  collections: Record<string, number | null>;
  error: string | null;
}

export interface DatabaseStats {
  userDistribution: { mongodb: number | null; supabase: number | null };
  totalUsers: number | null;
  mongodb: DatabaseState;
  supabase: DatabaseState;
  timestamp: string;
}

interface SupabaseStats {
  user_distribution: Record<string, number>;
  total_users: number;
  collections: Record<string, number>;
}

export interface StatsOptions {
  service: SupabaseClient;
  /** undefined: MongoDB is not configured */
  mongo: (() => Promise<Db>) | undefined;
  /** asks MongoDB whether it is there; by default as its records are asked for */
  ping?: (() => Promise<unknown>) | undefined;
  collections: readonly string[];
  clock: () => number;
  /** longest time for everything */
  limitMs: number;
  /** told how long each database took */
  onCall?: RequestCalls["onCall"];
}

type Found<T> = { found: T; error: null } | { found: undefined; error: string };

/** The answer comes within `limitMs`, whatever hangs. */
export async function readStats(options: StatsOptions): Promise<DatabaseStats> {
  const { service, mongo, ping, collections, clock, limitMs } = options;
  const [postgres, documents] = await Promise.all([
    found(options, "supabase", async () => {
      const stats = await callSystem<SupabaseStats>(service, "switchyard_stats");
      if (stats.isErr()) throw stats.error;
      return stats.value;
    }),
    mongo
      ? found(options, "mongodb", () => countDocuments(mongo, ping, collections, limitMs))
      : { found: undefined, error: "MongoDB is not configured." },
  ]);
  const users = postgres.found;
  const ofUsers = (home: string) => (users ? (users.user_distribution[home] ?? 0) : null);
  const state = (home: string, counts: Found<unknown>, of: Record<string, number | null> = {}): DatabaseState => ({
    connected: counts.error === null,
    totalUsers: ofUsers(home),
    collections: Object.fromEntries(collections.map((name) => [name, of[name] ?? null])),
    error: counts.error,
  });
  return {
    userDistribution: { mongodb: ofUsers("mongodb"), supabase: ofUsers("supabase") },
    totalUsers: users?.total_users ?? null,
    mongodb: state("mongodb", documents, documents.found),
    supabase: state("supabase", postgres, users?.collections),
    timestamp: new Date(clock()).toISOString(),
  };
}

const TITLES = { supabase: "Supabase", mongodb: "MongoDB" };

async function found<T>(
  { clock, limitMs, onCall }: StatsOptions,
  home: Home,
  read: () => Promise<T>,
): Promise<Found<T>> {
  const name = TITLES[home];
  const start = clock();
  try {
    const answer = await within(limitMs, read());
    return answer === undefined
      ? { found: undefined, error: downReason(name, undefined) }
      : { found: answer, error: null };
  } catch (failure) {
    return { found: undefined, error: downReason(name, failure) };
  } finally {
    onCall?.(home, clock() - start);
  }
}

/** Records of every collection, tombstones left out; null for one that is too large to count in time. */
async function countDocuments(
  mongo: () => Promise<Db>,
  ping: StatsOptions["ping"],
  names: readonly string[],
  limitMs: number,
) {
  const db = await mongo();
  await (ping ? ping() : db.command({ ping: 1 }));
  const counts = names.map((name) => {
    const count = db
      .collection(name)
      .countDocuments({ _deleted_at: null }, { maxTimeMS: Math.max(1, Math.round(limitMs * 0.8)) });
    return within(
      limitMs * 0.9,
      count.catch(() => undefined),
    );
  });
  const values = await Promise.all(counts);
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? null]));
}
