/** What the admins see: who lives where, and how much each database holds. What cannot be known is null. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Db } from "mongodb";
import { withoutSecrets } from "../log.ts";
import { callSystem } from "./assignment.ts";
import { within } from "./health.ts";

export interface DatabaseState {
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
  mongo: (() => Promise<Db>) | undefined;
  collections: readonly string[];
  clock: () => number;
}

/** The answer comes within 3 s, whatever hangs. */
const LIMIT_MS = 2_500;

export async function readStats({ service, mongo, collections, clock }: StatsOptions): Promise<DatabaseStats> {
  const [postgres, documents] = await Promise.all([
    within(LIMIT_MS, callSystem<SupabaseStats>(service, "switchyard_stats")),
    mongo
      ? within(
          LIMIT_MS,
          countDocuments(mongo, collections).catch((error: Error) => error),
        )
      : null,
  ]);
  const users = postgres?.isOk() ? postgres.value : undefined;
  const ofUsers = (home: string) => (users ? (users.user_distribution[home] ?? 0) : null);
  const counts = documents && !(documents instanceof Error) ? documents : undefined;
  const named = (found: Record<string, number> | undefined) =>
    Object.fromEntries(collections.map((name) => [name, found?.[name] ?? null]));
  return {
    userDistribution: { mongodb: ofUsers("mongodb"), supabase: ofUsers("supabase") },
    totalUsers: users?.total_users ?? null,
    mongodb: {
      connected: counts !== undefined,
      totalUsers: ofUsers("mongodb"),
      collections: named(counts),
      error: counts ? null : documents === null ? "MongoDB is not configured." : mongoError(documents),
    },
    supabase: {
      connected: users !== undefined,
      totalUsers: ofUsers("supabase"),
      collections: named(users?.collections),
      error: users ? null : "Supabase does not answer.",
    },
    timestamp: new Date(clock()).toISOString(),
  };
}

/** Records of every collection, tombstones left out. */
async function countDocuments(mongo: () => Promise<Db>, names: readonly string[]): Promise<Record<string, number>> {
  const db = await mongo();
  const counts = await Promise.all(
    names.map((name) => db.collection(name).countDocuments({ _deleted_at: null }, { maxTimeMS: LIMIT_MS })),
  );
  return Object.fromEntries(names.map((name, index) => [name, counts[index] ?? 0]));
}

const mongoError = (error: Error | undefined) =>
  error ? `MongoDB does not answer: ${withoutSecrets(error.message)}` : "MongoDB does not answer in time.";
