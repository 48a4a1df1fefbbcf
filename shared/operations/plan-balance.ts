/** What it takes to balance the homes: measures what is not known, or too old, and plans. Nothing is moved. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { type BalancedHome, type BalancePlan, planBalance, type SizedUser } from "../moves/balance.ts";
import type { HomeLoad, LargeUser, LoadsControl } from "../moves/loads.ts";
import type { Assignments, DatabaseRow } from "../placement/assignment.ts";
import type { Registry } from "../placement/registry.ts";
import { inMegabytes } from "../values/bytes.ts";
import { within } from "../values/within.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface BalanceOptions {
  loads: LoadsControl;
  assignments: Pick<Assignments, "databases" | "reportSizes">;
  /** only between databases that are configured here are users moved */
  registry: Registry;
  /** the longest that one call to a database may take, in milliseconds */
  callMs: number;
  /** true: nothing more is measured; who is not measured by then counts as an average user of their home */
  isOver?: () => boolean;
  /** how old a measurement of a user may be */
  maxAgeSeconds?: number;
  /** the most moves */
  limit?: number | undefined;
  onProgress?: (home: string, measured: number) => void;
}

export interface MeasuredPlan extends BalancePlan {
  /** users whose size is known, of how many, and since when the oldest is */
  measured: number;
  users: number;
  measured_since: string | null;
  /** databases that could not be measured, and why; they take no part */
  failed: Record<string, string>;
}

const AGE_SECONDS = 3_600;
/** Users that one call measures. */
const BATCH = 200;
/** Users of one home that are looked at, largest first: none of those behind them is more than a 5,000th of it. */
const MOVABLE = 5_000;
/** Records with their indexes, as a database counts them against its capacity, for each byte of theirs alone. */
const WITH_INDEXES = 2;

/** `users`, `bytes` and so on are of the homes that take part. */
export async function measureAndPlan(options: BalanceOptions): Answer<MeasuredPlan> {
  const { loads, assignments, registry, limit } = options;
  const failed = await measureHomes(options);
  if (failed.isErr()) return err(failed.error);
  const [rows, known] = [await assignments.databases(), await loads.loads()];
  if (rows.isErr()) return err(rows.error);
  if (known.isErr()) return err(known.error);
  const homes: BalancedHome[] = [];
  const usersOf = new Map<string, SizedUser[]>();
  const taking = known.value.filter(({ name }) => registry.has(name) && !(name in failed.value));
  for (const load of taking) {
    const row = rows.value.find(({ name }) => name === load.name);
    if (!row) continue;
    const average = averageOf(load, taking);
    homes.push(homeOf(row, load, average));
    const largest = await loads.largest(load.name, MOVABLE);
    if (largest.isErr()) return err(largest.error);
    usersOf.set(
      load.name,
      largest.value.map((user) => sizedOf(user, average)),
    );
  }
  const since = taking.flatMap(({ measured_since }) => measured_since ?? []).sort();
  return ok({
    ...planBalance(homes, usersOf, limit),
    measured: taking.reduce((sum, { measured }) => sum + measured, 0),
    users: taking.reduce((sum, { users }) => sum + users, 0),
    measured_since: since[0] ?? null,
    failed: failed.value,
  });
}

/** By name, why one could not be measured. */
async function measureHomes({
  loads,
  assignments,
  registry,
  callMs,
  isOver = () => false,
  maxAgeSeconds = AGE_SECONDS,
  onProgress = () => {},
}: BalanceOptions): Answer<Record<string, string>> {
  const failed: Record<string, string> = {};
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    const done = await within(callMs, work);
    if (done === undefined) throw new Error("it does not answer in time");
    return done;
  };
  for (const { name, system } of registry.values()) {
    try {
      // against its capacity; and one that does not answer is neither source nor target
      const bytes = await inTime(system.size());
      const reported = await assignments.reportSizes(bytes === null ? {} : { [name]: bytes });
      if (reported.isErr()) return err(reported.error);
      for (let measured = 0; !isOver(); ) {
        const users = await loads.unmeasured(name, maxAgeSeconds, BATCH);
        if (users.isErr()) return err(users.error);
        if (users.value.length === 0) break;
        const found = await inTime(system.userSizes(users.value));
        const sizes = users.value.map((id) => [id, found.get(id) ?? { records: 0, bytes: 0 }] as const);
        const kept = await loads.report(name, new Map(sizes));
        if (kept.isErr()) return err(kept.error);
        measured += users.value.length;
        onProgress(name, measured);
      }
    } catch (error) {
      failed[name] = String((error as { message?: unknown })?.message ?? error);
    }
  }
  return ok(failed);
}

interface Average {
  records: number;
  bytes: number;
}

/** Of those who were measured there, else anywhere. */
function averageOf(load: HomeLoad, all: readonly HomeLoad[]): Average {
  const of = load.measured > 0 ? [load] : all;
  const users = Math.max(
    1,
    of.reduce((sum, { measured }) => sum + measured, 0),
  );
  const mean = (kind: "records" | "bytes") => of.reduce((sum, each) => sum + each[kind], 0) / users;
  return { records: mean("records"), bytes: mean("bytes") };
}

function homeOf(row: DatabaseRow, load: HomeLoad, average: Average): BalancedHome {
  const missing = Math.max(0, load.users - load.measured);
  const { capacity_bytes, full_at_percent, bytes } = row;
  const room = capacity_bytes === null ? null : (capacity_bytes * full_at_percent) / 100 - (bytes ?? 0);
  return {
    name: row.name,
    weight: Number(row.weight),
    users: load.users,
    records: load.records + missing * average.records,
    bytes: load.bytes + missing * average.bytes,
    active: load.active,
    capacityUsers: row.capacity_users,
    roomBytes: room === null ? null : Math.max(0, room / WITH_INDEXES),
    refuses: refusalOf(row, room),
  };
}

function refusalOf(row: DatabaseRow, room: number | null): string | null {
  if (!row.accepting) return "takes no users";
  if (row.healthy === false) return `is not healthy${row.health_error ? `: ${row.health_error}` : ""}`;
  if (row.refuses) return `refuses writes (${row.refuses})`;
  if (room !== null && row.bytes === null) return "its size is not known";
  if (room !== null && room <= 0) return `over ${row.full_at_percent} % of ${inMegabytes(row.capacity_bytes ?? 0)}`;
  return null;
}

const sizedOf = ([id, records, bytes, isActive]: LargeUser, average: Average): SizedUser => ({
  id,
  records: records ?? average.records,
  bytes: bytes ?? average.bytes,
  isActive,
});
