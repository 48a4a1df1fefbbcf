/** A store that makes each call in one way of its own: behind a guard, or again where it belongs. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import type { ReadStore, Store } from "./store.ts";

type Call<T, S = Store> = (store: S) => Promise<Result<T, RepositoryError>>;

/** `run` is given each call, to be made with a store of its choice. */
export const everyCall = (run: <T>(call: Call<T>) => ReturnType<Call<T>>): Store => ({
  ...everyRead(run),
  create: (...given) => run((store) => store.create(...given)),
  update: (...given) => run((store) => store.update(...given)),
  delete: (...given) => run((store) => store.delete(...given)),
});

/** The same of a store that only reads. */
export const everyRead = (run: <T>(call: Call<T, ReadStore>) => ReturnType<Call<T>>): ReadStore => ({
  get: (...given) => run((store) => store.get(...given)),
  list: (...given) => run((store) => store.list(...given)),
  count: (...given) => run((store) => store.count(...given)),
  group: (...given) => run((store) => store.group(...given)),
});

/** A store that is given another definition of each collection, of the same records. */
export const everyCollection = (store: Store, as: (collection: Collection) => Collection): Store => ({
  create: (collection, ...given) => store.create(as(collection), ...given),
  update: (collection, ...given) => store.update(as(collection), ...given),
  delete: (collection, ...given) => store.delete(as(collection), ...given),
  get: (collection, ...given) => store.get(as(collection), ...given),
  list: (collection, ...given) => store.list(as(collection), ...given),
  count: (collection, ...given) => store.count(as(collection), ...given),
  group: (collection, ...given) => store.group(as(collection), ...given),
});
