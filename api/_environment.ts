/** What every handler finds: the parts the app is made of, and what is known of the request. */
import type { Cache } from "../shared/cache/cache.ts";
import type { ApiConfig } from "../shared/config.ts";
import type { Count, Limits } from "../shared/limits/limits.ts";
import type { Log } from "../shared/log.ts";
import type { Metrics } from "../shared/metrics/metrics.ts";
import type { LogKeeper } from "../shared/operations/keep-logs.ts";
import type { OutageTeller } from "../shared/operations/tell-outage.ts";
import type { Activity } from "../shared/overview/activity.ts";
import type { Pools } from "../shared/placement/pools.ts";
import type { ReadSources } from "../shared/placement/read-sources.ts";
import type { Router } from "../shared/placement/router.ts";
import type { Sessions } from "../shared/placement/sessions.ts";
import type { Redis } from "../shared/redis/connection.ts";
import type { AuthenticatedUser, Verifier } from "./_auth.ts";

export interface Dependencies {
  config: ApiConfig;
  router: Router;
  verify: Verifier;
  log: Log;
  clock: () => number;
  /** without it, nothing is remembered */
  cache?: Cache;
  /** without it, nothing is limited */
  limits?: Limits;
  /** without it, there is no list of sessions, and a sign-out ends access as the router hears of it */
  sessions?: Sessions;
  /** without it, nobody notes what users do */
  activity?: Activity | undefined;
  /** without it, nobody is told when Supabase is away */
  outage?: OutageTeller | undefined;
  /** without it, nothing is measured */
  metrics?: Metrics | undefined;
  /** not configured: undefined */
  logs?: LogKeeper | undefined;
  /** of the router's databases; without it, nobody knows how many connections there are */
  pools?: Pools;
  /** not configured: undefined */
  redis?: Redis | undefined;
}

export interface AppEnv {
  Variables: {
    dependencies: Dependencies & { cache: Cache };
    requestId: string;
    /** which database took how long */
    timings: { database: string; ms: number; path: string | undefined }[];
    /** where what is kept in two places has been read */
    sources: ReadSources;
    user: AuthenticatedUser;
    /** ids of what was changed, where neither the path nor `location` says them; none: nothing was */
    changed: readonly string[] | undefined;
    /** what Redis says of the session that the token names, real or not; undefined: it names none */
    signOutLook: { sessionId: string; look: ReturnType<Sessions["look"]> | undefined } | undefined;
    /** against limits */
    counts: Count[];
    /** when the whole request was here and its answer was begun: its deadlines count from then */
    startedAt: number;
  };
}
