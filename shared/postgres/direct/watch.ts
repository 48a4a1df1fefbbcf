/**
 * Gives up what takes too long. One timer for everything that is under way, always for the oldest: setting and clearing one
 * for each call costs a twentieth of what a call takes.
 */
interface Watched {
  since: number;
  giveUp: () => void;
}

export interface Watch {
  /** Calls `giveUp` after the time, unless what this returns is called before; that says whether it came before. */
  over(giveUp: () => void): () => boolean;
}

export function createWatch(limitMs: number): Watch {
  // in the order in which they began
  const underWay = new Set<Watched>();
  let timer: NodeJS.Timeout | undefined;

  const look = () => {
    timer = undefined;
    for (const each of underWay) {
      const left = each.since + limitMs - performance.now();
      if (left > 0) return wait(left);
      underWay.delete(each);
      each.giveUp();
    }
  };
  const wait = (ms: number) => {
    timer ??= setTimeout(look, Math.ceil(ms));
    // the connection keeps the process alive, not the look at it
    timer.unref?.();
  };
  return {
    over(giveUp) {
      const watched = { since: performance.now(), giveUp };
      underWay.add(watched);
      wait(limitMs);
      return () => underWay.delete(watched);
    },
  };
}
