/** What the router hands out: one user's records in one database, whichever that is. */
import type { Collection, CreateOf, PatchOf, RecordOf } from "../collections/define.ts";
import type { Repository } from "../contract/repository.ts";

export type Home = "supabase" | "mongodb";

export interface DatabaseService {
  provider: Home;
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/** Who asks, as their verified token says. */
export interface RequestUser {
  id: string;
  jwt: string;
  /** `app_metadata.home`; without it the assignment is looked up */
  home?: Home | undefined;
  homeEpoch?: number | undefined;
  /** the deadline of all database calls of the request */
  signal?: AbortSignal | undefined;
  /** told of each database call, for Server-Timing */
  onCall?: ((database: Home, ms: number) => void) | undefined;
}
