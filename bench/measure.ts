/** Times of calls that are compared: measured in turns, so that whatever else the machine does meets all alike. */

export interface Plan {
  /** of each peer, after the warm-up */
  calls?: number;
  warmUp?: number;
  /** calls of one peer in a row */
  block?: number;
}

type Call = () => Promise<unknown>;

/** Milliseconds of each call, sorted, of each peer. Who begins changes from turn to turn. */
export async function inTurns<Name extends string>(
  peers: Record<Name, Call>,
  { calls = 2_000, warmUp = 100, block = 20 }: Plan = {},
): Promise<Record<Name, number[]>> {
  const names = Object.keys(peers) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let turn = 0; turn * block < warmUp + calls; turn++) {
    for (let place = 0; place < names.length; place++) {
      const name = names[(place + turn) % names.length] as Name;
      for (let call = 0; call < block; call++) {
        const start = performance.now();
        await peers[name]();
        const ms = performance.now() - start;
        if (turn * block >= warmUp) times[name].push(ms);
      }
    }
  }
  for (const name of names) times[name].sort((a, b) => a - b);
  return times;
}

/** The value below which that part of the sorted ones lies. */
export function quantile(sorted: readonly number[], part: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new Error("nothing was measured");
  return value;
}

export const median = (sorted: readonly number[]): number => quantile(sorted, 0.5);
export const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
