/** What the router hands out: one user's records in one database, whichever that is. */

import type { Repository } from "../contract/repository.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../definition/define.ts";

export type Home = "supabase" | "mongodb";

export interface DatabaseService {
  provider: Home;
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/** What a request wants of its database calls. */
export interface RequestCalls {
  /** the deadline of all of them */
  signal?: AbortSignal | undefined;
  /** told of each, for Server-Timing */
  onCall?: ((database: Home, ms: number) => void) | undefined;
}

/** Who asks, as their verified token says. */
export interface RequestUser extends RequestCalls {
  id: string;
  jwt: string;
  /** `app_metadata.home`; without it the assignment is looked up */
  home?: Home | undefined;
  homeEpoch?: number | undefined;
}
