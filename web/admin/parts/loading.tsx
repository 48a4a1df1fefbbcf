/** What a page says until it has something to show, or knows why not. */
import type { Loaded } from "./live.ts";

export function Loading({ of: { value, problem } }: { of: Loaded<unknown> }) {
  if (value !== undefined || problem) return null;
  return (
    <p class="card soft" role="status">
      Loading …
    </p>
  );
}
