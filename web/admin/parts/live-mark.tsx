/** Whether what a page shows is of now. */
import type { Loaded } from "./live.ts";
import { secondOf } from "./time.tsx";

/** Stands beside the title; of several things that a page shows, the one that it is about. */
export function LiveMark({ of: { value, problem, at } }: { of: Loaded<unknown> }) {
  if (!problem) return <span class="soft live">Live, every 5 s</span>;
  return (
    <span class="soft live stale">{value === undefined || !at ? "No answer yet" : `Not live: of ${secondOf(at)}`}</span>
  );
}
