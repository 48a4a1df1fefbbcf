/** How many connections an instance has open, as the drivers' pools say it themselves. */
interface PoolCounts {
  database: string;
  open: number;
  /** of them, those on which something is asked */
  busy: number;
  /** callers without one */
  waiting: number;
}

export interface Pools {
  /** To be told of each pool; one that is made anew takes the place of that database's last. */
  onPool(pool: unknown, database: string): void;
  all(): PoolCounts[];
}

type Counts = Omit<PoolCounts, "database">;
interface PostgresPool {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}
interface MongoPool {
  on(event: string, listener: () => void): unknown;
}

export function createPools(): Pools {
  const made = new Map<string, () => Counts>();
  return {
    onPool: (pool, database) => void made.set(database, countsOf(pool as PostgresPool | MongoPool)),
    all: () => [...made].map(([database, counts]) => ({ database, ...counts() })),
  };
}

/** MongoDB's driver has no numbers to read, but tells of each change. */
function countsOf(pool: PostgresPool | MongoPool): () => Counts {
  if ("totalCount" in pool)
    return () => ({ open: pool.totalCount, busy: pool.totalCount - pool.idleCount, waiting: pool.waitingCount });
  const counts = { open: 0, busy: 0, waiting: 0 };
  const change = (event: string, by: Partial<Counts>) =>
    pool.on(event, () => {
      for (const [name, n] of Object.entries(by) as [keyof Counts, number][]) counts[name] += n;
    });
  change("connectionCreated", { open: 1 });
  change("connectionClosed", { open: -1 });
  change("connectionCheckOutStarted", { waiting: 1 });
  change("connectionCheckOutFailed", { waiting: -1 });
  change("connectionCheckedOut", { waiting: -1, busy: 1 });
  change("connectionCheckedIn", { busy: -1 });
  return () => ({ ...counts });
}
