/**
 * A user's rows in whichever database is their home, also when it turns out to be another one than their token says: a
 * database that knows better refuses with `moved`, and the call is made again where the assignment says. Nothing was
 * done by then, so a write is made once.
 */
import { err, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { everyCall } from "../repository/every-call.ts";
import type { Store } from "../repository/store.ts";

export interface HomeAt {
  /** the database's name */
  home: string;
  homeEpoch?: number | undefined;
}

export interface HomeStoreOptions {
  first: HomeAt;
  /** the store there; asked for once for each place */
  open: (at: HomeAt) => Store;
  /** where the user is at home now, whatever the token says */
  look: () => Promise<Result<HomeAt, RepositoryError>>;
}

export function createHomeStore({ first, open, look }: HomeStoreOptions): Store {
  let at = first;
  let store = open(first);
  return everyCall(async (call) => {
    const answer = await call(store);
    if (answer.isOk() || answer.error.code !== "moved") return answer;
    const found = await look();
    if (found.isErr()) return err(found.error);
    // the database still says so: it is on its way, and the caller is told to come again
    if (found.value.home === at.home && found.value.homeEpoch === at.homeEpoch) return answer;
    at = found.value;
    store = open(at);
    return call(store);
  });
}
