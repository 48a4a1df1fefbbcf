/** What is loaded by whoever needs it first, and again by the next one when that has failed. */
export interface LoadedOnce<T> {
  (): Promise<T>;
  /** What has been loaded, or is being; undefined when nobody has asked for it, or it failed. Loads nothing. */
  ifAny(): Promise<T | undefined>;
}

export function loadOnce<T>(load: () => Promise<T>): LoadedOnce<T> {
  let loading: Promise<T> | undefined;
  const loaded = () => {
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  return Object.assign(loaded, { ifAny: async () => loading?.catch(() => undefined) });
}
