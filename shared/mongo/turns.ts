/**
 * Writes of one record take turns within an instance, and so do those that touch one parent. The database alone would keep
 * them apart, too, but where many meet it is slow about it: each conflict is found out late and its transaction begun again.
 * And a write that waits in the database for another's commit holds a connection: when all of the pool wait, none is left
 * to send the commit (seen: 32 creates under one parent stood still in DocumentDB until they timed out).
 */
import type { MongoClient } from "mongodb";
import { err } from "neverthrow";
import type { Answer } from "../contract/repository.ts";
import { BUSY, TOO_LATE, type WriteLimits } from "./pace.ts";

/** By client, which is what shares a pool: until when each record is taken. */
const taken = new WeakMap<MongoClient, Map<string, Promise<unknown>>>();

/** Runs `work` once nobody else is at any of these records; it is given what is left of the time. */
export async function inTurn<T>(
  { db, maxTimeMs, pace, signal }: WriteLimits,
  records: readonly string[],
  work: (maxTimeMs: number) => Answer<T>,
): Answer<T> {
  const queues = taken.get(db.client) ?? new Map<string, Promise<unknown>>();
  taken.set(db.client, queues);
  const since = pace.clock();
  const before = records.flatMap((record) => queues.get(record) ?? []);
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  // entered in all queues at once, so that no two wait for each other; whoever gives up lets nobody in earlier
  const ended = Promise.all([...before, done]).then(() => {
    for (const record of records) if (queues.get(record) === ended) queues.delete(record);
  });
  for (const record of records) queues.set(record, ended);
  try {
    if (before.length > 0 && !(await isOverWithin(maxTimeMs, before))) return err(BUSY);
    if (signal?.aborted) return err(TOO_LATE);
    return await work(Math.max(1, Math.ceil(maxTimeMs - (pace.clock() - since))));
  } finally {
    finish();
  }
}

async function isOverWithin(ms: number, work: readonly Promise<unknown>[]): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([Promise.all(work).then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
