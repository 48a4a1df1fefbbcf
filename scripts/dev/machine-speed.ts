/**
 * How slow this machine is just now, so that the development system's deadlines fit it: a laptop on battery, a small
 * container and a shared runner differ by a factor of ten, and by as much from one day to the next. Measured is what a
 * request is made of, computing and waking threads up, by the clock on the wall, so that what other programs take counts.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DEFAULT_DEADLINES, type DeadlineSettings } from "../../shared/deadlines.ts";

/** What these take on two ordinary cores with nothing else to do. */
const ORDINARY_COMPUTING_MS = 20;
const ORDINARY_ROUND_TRIP_MS = 0.1;

/** A request computes for some 5 ms and changes hands about ten times, which is this part of it. */
const WAKING_SHARE = 0.2;

const HASHES = 60;
const BYTES = 512 * 1024;
const ROUND_TRIPS = 100;
/** So many, or as many as go into this time. */
const WAKING_MS = 400;

/**
 * Even an ordinary machine compiles the whole system while it serves the first requests, and a quiet one may be busy a
 * minute later: a deadline that is too long costs a developer nothing, one that is too short a failed first minute.
 */
export const MARGIN = 2;
/** Beyond that a wait is a hang to whoever watches. */
const MOST = 30;

/** How many times slower than an ordinary machine this is; 1 or more. Takes 0.1 s on an ordinary one. */
export async function measureSlowness(): Promise<number> {
  const computing = computingMs() / ORDINARY_COMPUTING_MS;
  const waking = (await roundTripMs()) / ORDINARY_ROUND_TRIP_MS;
  return Math.min(MOST, Math.max(1, (1 - WAKING_SHARE) * computing + WAKING_SHARE * waking));
}

/** The deadlines that fit a machine of that slowness; what the environment sets stays. */
export function deadlinesFor(slowness: number, set: DeadlineSettings): Required<DeadlineSettings> {
  const stretched = (name: keyof typeof DEFAULT_DEADLINES) =>
    set[name] ?? Math.round(DEFAULT_DEADLINES[name] * slowness * MARGIN);
  return {
    REQUEST_DEADLINE_MS: stretched("REQUEST_DEADLINE_MS"),
    EXPORT_DEADLINE_MS: stretched("EXPORT_DEADLINE_MS"),
    BATCH_DEADLINE_MS: stretched("BATCH_DEADLINE_MS"),
    HOOK_DEADLINE_MS: stretched("HOOK_DEADLINE_MS"),
    DATABASE_CONNECT_MS: stretched("DATABASE_CONNECT_MS"),
  };
}

function computingMs(): number {
  const bytes = Buffer.alloc(BYTES);
  const start = performance.now();
  for (let count = 0; count < HASHES; count++) createHash("sha256").update(bytes).digest();
  return performance.now() - start;
}

/** From this thread to another one and back: the mean of many. */
async function roundTripMs(): Promise<number> {
  const echo = new Worker(
    `const { parentPort } = require("node:worker_threads"); parentPort.on("message", (m) => parentPort.postMessage(m));`,
    { eval: true },
  );
  const roundTrip = async () => {
    const heard = once(echo, "message");
    echo.postMessage("");
    await heard;
  };
  try {
    await roundTrip();
    const start = performance.now();
    let count = 0;
    while (count < ROUND_TRIPS && performance.now() - start < WAKING_MS) {
      await roundTrip();
      count++;
    }
    return (performance.now() - start) / count;
  } finally {
    await echo.terminate();
  }
}
