/** How many random histories a run drives through both databases, and which one is repeated after a failure. */
import { inject } from "vitest";
import { partOf } from "./effort.ts";

const EMBEDDED = 1;
const SERVERS = 20;

/** SWITCHYARD_HISTORIES, else a few on the embedded databases and more on real servers. */
export function histories(): number {
  const asked = Number(process.env.SWITCHYARD_HISTORIES);
  if (asked > 0) return asked;
  return partOf(inject("servers").dbUrl ? SERVERS : EMBEDDED);
}

export interface Replay {
  seed?: number;
  path?: string;
  /** which steps of the histories before had been run: shrinking went by them */
  replayPath?: string;
}

/** What SWITCHYARD_SEED and SWITCHYARD_PATH say; without them every run has histories of its own. */
export function replay(): Replay {
  const { SWITCHYARD_SEED: seed, SWITCHYARD_PATH: steps } = process.env;
  // one that begins with a letter is the way to Postgres (path.ts), which has the same variable
  const [path, replayPath] = /^\d/.test(steps ?? "") ? (steps ?? "").split("@") : [];
  return {
    ...(seed ? { seed: Number(seed) } : {}),
    ...(path ? { path } : {}),
    ...(replayPath ? { replayPath } : {}),
  };
}

/** Of copies, which are short; SWITCHYARD_COPY_HISTORIES says otherwise. */
export function copyHistories(): number {
  const asked = Number(process.env.SWITCHYARD_COPY_HISTORIES);
  return asked > 0 ? asked : partOf(inject("servers").dbUrl ? 40 : 12, 5);
}

/** Of moves, which are long; SWITCHYARD_MOVE_HISTORIES says otherwise. */
export function moveHistories(): number {
  const asked = Number(process.env.SWITCHYARD_MOVE_HISTORIES);
  return asked > 0 ? asked : partOf(inject("servers").dbUrl ? 40 : 5, 3);
}

/** Of dashboards, each of 1,000 writes and some 2,000 reads; SWITCHYARD_DASHBOARD_HISTORIES says otherwise. */
export function dashboardHistories(): number {
  const asked = Number(process.env.SWITCHYARD_DASHBOARD_HISTORIES);
  return asked > 0 ? asked : partOf(1);
}
