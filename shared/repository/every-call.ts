/** A store that makes each call in one way of its own: behind a guard, or again where it belongs. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Store } from "./store.ts";

type Call<T> = (store: Store) => Promise<Result<T, RepositoryError>>;

/** `run` is given each call, to be made with a store of its choice. */
export const everyCall = (run: <T>(call: Call<T>) => ReturnType<Call<T>>): Store => ({
  create: (...given) => run((store) => store.create(...given)),
  get: (...given) => run((store) => store.get(...given)),
  list: (...given) => run((store) => store.list(...given)),
  update: (...given) => run((store) => store.update(...given)),
  delete: (...given) => run((store) => store.delete(...given)),
  count: (...given) => run((store) => store.count(...given)),
  group: (...given) => run((store) => store.group(...given)),
});
