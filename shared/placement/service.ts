/** What the router hands out: one user's records, whichever databases they are in. */
import type { Repository } from "../contract/repository.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../definition/define.ts";
import type { ReadSources } from "./read-sources.ts";

export interface DatabaseService {
  /** the database that is the user's home */
  database: string;
  /** Where the collection's placement says: in that home, or in the database to which it is pinned. */
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/**
 * Where replicated collections are read. `anywhere`: in the replica when the primary is away. `primary`: only there, for reads
 * that decide about a write, or that must be whole. `as-begun`: all where the first was, for what is sent while it is read.
 */
export type ReadPlace = "anywhere" | "primary" | "as-begun";

/** What a request wants of its database calls. */
export interface RequestCalls {
  /** the deadline of all of them */
  signal?: AbortSignal | undefined;
  /** told of each, for Server-Timing: which database, and by which path where it has several */
  onCall?: ((database: string, ms: number, path?: string) => void) | undefined;
  /** `anywhere` unless told */
  reads?: ReadPlace | undefined;
  /** told where reads of replicated collections were answered; the same for all of a request */
  sources?: ReadSources | undefined;
}

/** Who asks, as their verified token says. */
export interface RequestUser extends RequestCalls {
  id: string;
  /** whose records: their own, or, of collections that are scoped by membership, those of a room that they are a member of */
  scope?: string | undefined;
  jwt: string;
  /** `app_metadata.home`; without it the assignment is looked up */
  home?: string | undefined;
  homeEpoch?: number | undefined;
}
