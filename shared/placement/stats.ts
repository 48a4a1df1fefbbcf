/** What the admins see: who lives where, and how much each database holds. What cannot be known is null. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { Engine, RecordCounts } from "../repository/database.ts";
import { within } from "../values/within.ts";
import type { DatabaseRow, KeptCopies } from "./assignment.ts";
import { CONTROL_PLANE, titleOf } from "./database-names.ts";
import { downReason } from "./down-reason.ts";
import { keptIn } from "./kept-collections.ts";
import type { Registry } from "./registry.ts";
import type { RequestCalls } from "./service.ts";

interface DatabaseState {
  connected: boolean;
  /** users at home there */
  totalUsers: number | null;
  /** records of each collection that is kept there; copies are counted elsewhere */
  collections: Record<string, number | null>;
  error: string | null;
}

interface HomeState extends DatabaseState {
  name: string;
  kind: Engine;
  /** whether new users may get it; null: not known now, or it has no row */
  accepting: boolean | null;
  /** of the collections whose number is an estimate, of when it is; null: nobody knows. More than 100,000 are not counted */
  estimated: Record<string, string | null>;
  /** of the whole database, with its indexes */
  bytes: number | null;
  /** what its provider gives; null: not known */
  capacity_bytes: number | null;
}

export interface DatabaseStats {
  /** of the two that every deployment had before there could be more */
  userDistribution: { mongodb: number | null; supabase: number | null };
  /** over all homes */
  totalUsers: number | null;
  mongodb: DatabaseState;
  supabase: DatabaseState;
  /** every database that has a row or is configured here */
  homes: HomeState[];
  timestamp: string;
}

export interface StatsOptions {
  registry: Registry;
  rows: () => Promise<Result<DatabaseRow[], RepositoryError>>;
  /** copies that are kept of users who have left: nobody's records */
  keptCopies: () => Promise<Result<KeptCopies, RepositoryError>>;
  collections: readonly Collection[];
  clock: () => number;
  /** longest time for everything, in milliseconds */
  limitMs: number;
  /** told how long each database took */
  onCall?: RequestCalls["onCall"];
}

type Counted = Partial<RecordCounts> & { bytes?: number | null; error: string | null };

/** The answer comes within `limitMs`, whatever hangs. */
export async function readStats(options: StatsOptions): Promise<DatabaseStats> {
  const { registry, rows, keptCopies, collections, clock, limitMs } = options;
  const configured = [...registry.values()];
  const [listed, kept, ...counted] = await Promise.all([
    within(limitMs, rows()),
    within(limitMs, keptCopies()),
    ...configured.map((database) => countOne(options, database)),
  ]);
  const known = listed?.isOk() ? listed.value : undefined;
  const usersOf = (name: string) => (known ? (known.find((row) => row.name === name)?.user_count ?? 0) : null);
  const copies: KeptCopies = kept?.isOk() ? kept.value : {};
  const recordsOf = (name: string, collection: string, count: number | null | undefined) =>
    count === null || count === undefined ? null : Math.max(0, count - (copies[name]?.[collection] ?? 0));
  const stateOf = (name: string, { counts = {}, error }: Counted): DatabaseState => ({
    connected: error === null,
    totalUsers: usersOf(name),
    collections: Object.fromEntries(
      keptIn(name, collections).map((each) => [each.name, recordsOf(name, each.name, counts[each.name])]),
    ),
    error,
  });
  const homes = configured.map(({ name, kind }, at): HomeState => {
    const row = known?.find((each) => each.name === name);
    const { bytes = null, estimated = {}, ...found } = counted[at] as Counted;
    const room = { bytes, capacity_bytes: row?.capacity_bytes ?? null };
    return { name, kind, accepting: row?.accepting ?? null, ...room, ...stateOf(name, found), estimated };
  });
  for (const { name, kind, accepting, bytes, capacity_bytes } of known ?? [])
    if (!registry.has(name))
      homes.push({
        ...{ name, kind, accepting, bytes, capacity_bytes },
        ...stateOf(name, notConfigured(name)),
        estimated: {},
      });
  const state = (name: string): DatabaseState => {
    const found = homes.find((home) => home.name === name);
    if (!found) return stateOf(name, notConfigured(name));
    const { connected, totalUsers, collections: counts, error } = found;
    return { connected, totalUsers, collections: counts, error };
  };
  return {
    userDistribution: { mongodb: usersOf("mongodb"), supabase: usersOf(CONTROL_PLANE) },
    totalUsers: known ? known.reduce((sum, { user_count }) => sum + Number(user_count), 0) : null,
    mongodb: state("mongodb"),
    supabase: state(CONTROL_PLANE),
    homes,
    timestamp: new Date(clock()).toISOString(),
  };
}

/** What was measured, by name. */
export const sizesIn = ({ homes }: Pick<DatabaseStats, "homes">): Record<string, number> =>
  Object.fromEntries(
    homes.flatMap(({ name, bytes, connected }) => (connected && bytes !== null ? [[name, bytes]] : [])),
  );

const notConfigured = (name: string): Counted => ({ error: `${titleOf(name)} is not configured.` });

type Countable = Registry extends ReadonlyMap<string, infer D> ? D : never;

async function countOne({ collections, clock, limitMs, onCall }: StatsOptions, database: Countable): Promise<Counted> {
  const { name, title, system } = database;
  const start = clock();
  try {
    const here = keptIn(name, collections);
    // beside the point for one that can be counted and not measured
    const size = system.size().catch(() => null);
    const found = await within(limitMs, Promise.all([system.count(here, limitMs), size]));
    if (found === undefined) return { error: downReason(title, undefined) };
    return { ...found[0], bytes: found[1], error: null };
  } catch (failure) {
    return { error: downReason(title, failure) };
  } finally {
    onCall?.(name, clock() - start);
  }
}
