/**
 * How much of what is drawn at random a run tries: SWITCHYARD_EFFORT, a part of 1, as the gate sets it on a slow machine.
 * Fewer draws find less in one run, and as much in many; a suite that does not end finds nothing.
 */
const MIN = 0.01;

const { SWITCHYARD_EFFORT } = process.env;
const effort = Math.min(1, Math.max(MIN, Number(SWITCHYARD_EFFORT) || 1));

/** That part of so many, at least `least`. */
export const partOf = (count: number, least = 1): number => Math.max(least, Math.round(count * effort));
