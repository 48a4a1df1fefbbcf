/** What Postgres is to the caches of instances: each hears within `settleMs` who writes past it. */
import type { Peers } from "../../shared/cache/create-cache.ts";

export function createHub(settleMs: number): (name: string) => Peers {
  const raised = new Set<string>();
  return (name) => {
    let heard = { at: Number.NEGATIVE_INFINITY, isTrusted: false };
    let since: number | undefined;
    return {
      async isTrusted() {
        const now = performance.now();
        if (now - heard.at > settleMs) heard = { at: now, isTrusted: raised.size === 0 };
        return heard.isTrusted;
      },
      async distrust() {
        raised.add(name);
        since ??= performance.now();
        while (performance.now() - since <= settleMs) await new Promise((resolve) => setTimeout(resolve, 1));
        return true;
      },
      async trust() {
        since = undefined;
        raised.delete(name);
      },
    };
  };
}
