/** How far work has come that takes long: so many of so many, how fast, and what is left. */

/** Says it in one line; the rate is that since the first call with this name. */
export function createRate(clock: () => number = () => performance.now()) {
  const begun = new Map<string, { at: number; done: number }>();
  return (name: string, done: number, total: number): string => {
    const first = begun.get(name) ?? { at: clock(), done };
    begun.set(name, first);
    const share = total > 0 ? Math.min(100, Math.floor((done / total) * 100)) : 100;
    const seconds = (clock() - first.at) / 1_000;
    const perSecond = seconds > 0 ? (done - first.done) / seconds : 0;
    if (perSecond <= 0) return `${done} of ${total} (${share} %)`;
    const left = Math.max(0, Math.ceil((total - done) / perSecond));
    return `${done} of ${total} (${share} %), ${Math.round(perSecond)} rows a second, ${left} s left`;
  };
}
