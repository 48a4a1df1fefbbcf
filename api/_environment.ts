/** What every handler finds: the parts the app is made of, and what is known of the request. */
import type { ApiConfig } from "../shared/config.ts";
import type { Log } from "../shared/log.ts";
import type { ReadSources } from "../shared/placement/read-sources.ts";
import type { Router } from "../shared/placement/router.ts";
import type { AuthenticatedUser, Verifier } from "./_auth.ts";

export interface Dependencies {
  config: ApiConfig;
  router: Router;
  verify: Verifier;
  log: Log;
  clock: () => number;
}

export interface AppEnv {
  Variables: {
    dependencies: Dependencies;
    requestId: string;
    /** which database took how long */
    timings: { database: string; ms: number; path: string | undefined }[];
    /** where what is kept in two places has been read */
    sources: ReadSources;
    user: AuthenticatedUser;
    /** when the whole request was here and its answer was begun: its deadlines count from then */
    startedAt: number;
  };
}
