/** What the contract suite needs of a database: owners with repositories, and a way to put records in from behind. */
import { inspect } from "node:util";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import type { Repository } from "../../shared/contract/repository.ts";
import type { Collection, CreateOf, PatchOf, RecordOf, SystemFields } from "../../shared/definition/define.ts";

export interface Owner {
  userId: string;
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/** A body for `create`, with the system fields that only the database's own interface can set. */
export type Seed<C> = CreateOf<C> & Partial<Omit<SystemFields, "user_id">>;

export interface Store {
  /** the number of its database: what versions made there end in */
  site: number;
  /** what a new record comes to whose id another owner's record has: with a key of owner and id nothing, with a global one it is taken */
  foreignId: "ok" | "duplicate";
  newOwner(): Promise<Owner>;
  /** The same adapter, against a server that takes connections and never answers, or one that refuses them. */
  unavailableOwner(how: "silent" | "refusing"): Promise<Owner>;
  /** Loads records through the database's native interface: in bulk, and with system fields of the test's choice. */
  seed<C extends Collection>(owner: Owner, collection: C, rows: readonly Seed<C>[]): Promise<void>;
  /** Makes room for records of one more collection, which the product does not have. */
  keep(collection: Collection): Promise<void>;
  close(): Promise<void>;
}

/** The value of a result that must be one; its problem in the failure message. */
export function value<T>(result: Result<T, RepositoryError>): T {
  if (result.isOk()) return result.value;
  const { cause, ...error } = result.error;
  throw new Error(`expected a value, got ${JSON.stringify(error)}${cause ? ` because of ${inspect(cause)}` : ""}`);
}

/** `code` of the problem, or "ok". */
export const outcome = (result: Result<unknown, RepositoryError>): string => (result.isOk() ? "ok" : result.error.code);
