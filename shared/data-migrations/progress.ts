/**
 * How far a run has come, as the control plane keeps it from one batch to the next (`progress` of `switchyard.data_migrations`).
 *
 * A pass goes over all databases one after the other. A record may come behind the place where a pass is: its user has moved from
 * a database that the pass had not reached to one that it had done, or an instance of the API that does not know the new shape has
 * written it. So passes are made until one has found nothing to change, left nothing to be tried again, and no move was switched
 * from its beginning to its end. That one has seen every record in the new shape, and is the validation, too.
 */
import type { Place } from "../repository/system-changes.ts";
import type { InFlight } from "./in-flight.ts";

export interface Misfit {
  database: string;
  id: string;
  reason: string;
}

export interface Progress {
  /** from 1 */
  pass: number;
  /** moves that had been switched when the pass began */
  switched: number;
  /** databases that the pass is through with */
  through: string[];
  /** the last record of the last batch in the database that comes after those; null: none yet */
  after: Place | null;
  /** records, by this pass */
  read: number;
  changed: number;
  /** to be tried again by another pass: their users were being moved, or others wrote them again and again */
  left: number;
  misfits: number;
  /** of these */
  first: Misfit[];
  /** records that earlier passes have changed */
  before: number;
  /** the batch that is about to be written, and those that earlier runs may yet write */
  writing: InFlight[];
}

/** Misfits that are named. */
const NAMED = 20;

export const beginPass = (switched: number, last?: Progress): Progress => ({
  ...{ pass: (last?.pass ?? 0) + 1, switched, through: [], after: null, read: 0, changed: 0, left: 0 },
  ...{ misfits: 0, first: [], before: (last?.before ?? 0) + (last?.changed ?? 0), writing: last?.writing ?? [] },
});

/** What the control plane has kept; undefined: nothing. */
export const progressIn = (kept: Partial<Progress>): Progress | undefined =>
  kept.pass === undefined ? undefined : ({ writing: [], ...kept } as Progress);

export function addMisfit(progress: Pick<Progress, "misfits" | "first">, misfit: Misfit): void {
  progress.misfits++;
  if (progress.first.length < NAMED) progress.first.push(misfit);
}
