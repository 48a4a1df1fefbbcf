/**
 * The promises of this suite are about minutes on the clock on the wall, with real servers and processes that nobody's
 * fake clock reaches. So they are scaled: the instances' deadlines, and with them what is asserted, follow a measurement
 * of the machine, as those of `npm start` do.
 */
import { measureSlowness } from "../../scripts/dev/machine-speed.ts";
import { DEFAULT_DEADLINES } from "../../shared/deadlines.ts";

/** 1 on an ordinary machine; measured while it has nothing else to do than what others make it do. */
export const slowness = await measureSlowness();

/** Milliseconds on an ordinary machine, and as many times more on a slow one. */
export const scaled = (ms: number): number => Math.round(ms * slowness);

/** The product's default deadlines on this machine, as variables. */
export const scaledDeadlines: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(DEFAULT_DEADLINES).map(([name, ms]) => [name, String(scaled(ms))]),
);
