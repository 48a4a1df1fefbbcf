/**
 * Collections of which the operator has made the copy writable while their primary is away: until they have gone home they are
 * read and written there. Which those are is kept beside the copies and looked at every few seconds; before each write it is
 * looked at again, so that nothing is written behind the back of one who brings everything home.
 */
import { err, ok, type Result } from "neverthrow";
import { busy, type RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { ReadStore, Store } from "../repository/store.ts";
import { within } from "../values/within.ts";

type State = "promoted" | "draining" | "home";
type States = ReadonlyMap<string, State>;

export interface PromotionsOptions {
  read: () => Promise<Result<States, RepositoryError>>;
  /** the first call waits so long for it, in milliseconds; later ones take what is known, and have it looked at behind them */
  limitMs: number;
  /** milliseconds, of any beginning */
  clock: () => number;
}

export interface Promotions {
  /** A few seconds old, or of the last time that it could be read. Never rejects. */
  of(collection: string): Promise<State>;
  /** As it is now. */
  now(collection: string): Promise<Result<State, RepositoryError>>;
}

const KEPT_MS = 5_000;

export function createPromotions({ read, limitMs, clock }: PromotionsOptions): Promotions {
  let known: States | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<Result<States, RepositoryError>> | undefined;
  const ask = (): Promise<Result<States, RepositoryError>> => {
    askedAt = clock();
    asking ??= read()
      .then((states) => {
        if (states.isOk()) known = states.value;
        return states;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
  const stateIn = (states: States | undefined, name: string): State => states?.get(name) ?? "home";
  return {
    async of(name) {
      // clocks are set back, too
      const isOld = Math.abs(clock() - askedAt) > KEPT_MS;
      const looked = isOld ? within(limitMs, ask()).catch(() => undefined) : undefined;
      if (!known) await looked;
      return stateIn(known, name);
    },
    async now(name) {
      // one that is under way may have been begun before
      await asking?.catch(() => undefined);
      return (await ask()).map((states) => stateIn(states, name));
    },
  };
}

export interface PromotedOptions {
  promotions: Promotions;
  /** the caller's rows where they are otherwise */
  usual: Store;
  /** the caller's rows in the copy */
  copy: Store;
}

/** `busy`: it goes home, and can be written there in a moment. */
export function createPromotedStore({ promotions, usual, copy }: PromotedOptions): Store {
  const reading = async ({ name }: Collection): Promise<ReadStore> =>
    (await promotions.of(name)) === "home" ? usual : copy;
  const writing = async ({ name }: Collection): Promise<Result<Store, RepositoryError>> => {
    if ((await promotions.of(name)) === "home") return ok(usual);
    return (await promotions.now(name)).andThen((state) =>
      state === "draining" ? err(GOES_HOME) : ok(state === "home" ? usual : copy),
    );
  };
  const write = async <T>(collection: Collection, call: (store: Store) => Promise<Result<T, RepositoryError>>) => {
    const store = await writing(collection);
    return store.isErr() ? err(store.error) : call(store.value);
  };
  return {
    create: (collection, ...given) => write(collection, (store) => store.create(collection, ...given)),
    update: (collection, ...given) => write(collection, (store) => store.update(collection, ...given)),
    delete: (collection, ...given) => write(collection, (store) => store.delete(collection, ...given)),
    get: async (collection, ...given) => (await reading(collection)).get(collection, ...given),
    list: async (collection, ...given) => (await reading(collection)).list(collection, ...given),
    count: async (collection, ...given) => (await reading(collection)).count(collection, ...given),
    group: async (collection, ...given) => (await reading(collection)).group(collection, ...given),
  };
}

const GOES_HOME = busy("These records are being brought back to Supabase. Try again in a moment.");
