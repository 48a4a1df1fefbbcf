/** Who a database is, read once, with the first call: it does not become another one while it is in use. */
import type { Db } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { misconfigured, type RepositoryError } from "../contract/errors.ts";
import type { Self } from "../repository/database.ts";
import { attempt } from "./failures.ts";
import { type Named, readSelf, refusalOf, selfOr } from "./self.ts";

/** `db` is asked for with each reading; what is read may take `maxTimeMs`. `misconfigured`: it must not be used. */
export function rememberSelf(
  db: () => Db,
  named: Named,
  maxTimeMs: number,
): () => Promise<Result<Self, RepositoryError>> {
  let known: Self | undefined;
  let reading: Promise<Result<Self, RepositoryError>> | undefined;
  const read = (): Promise<Result<Self, RepositoryError>> =>
    attempt(async () => {
      const found = selfOr(await readSelf(db(), maxTimeMs), named.name);
      const refusal = refusalOf(found, named);
      if (refusal !== null || !found) return err(misconfigured(refusal ?? ""));
      known = found;
      return ok(found);
    });
  return async () => {
    if (known) return ok(known);
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
}
