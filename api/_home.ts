/** Where the signed-in user lives, in words for a page: it is told when it can be, and nobody waits for it. */
import type { Context } from "hono";
import { deadlinesOf } from "../shared/deadlines.ts";
import type { Engine } from "../shared/repository/database.ts";
import type { AppEnv } from "./_environment.ts";
import { callsOf } from "./_service.ts";

interface Home {
  /** null: the database is not configured here */
  kind: Engine | null;
  /** ISO; null while Supabase, which assigns homes, does not say */
  since: string | null;
}

/** Of the home `database` of the one who asks. Never fails, and takes no longer than a probe. */
export async function homeOf(c: Context<AppEnv>, database: string): Promise<Home> {
  const { router, config } = c.get("dependencies");
  const kind = router.getBreakers().find(({ name }) => name === database)?.kind ?? null;
  const found = await router.getAssignment(c.get("user").id, callsOf(c, deadlinesOf(config).probeMs));
  const assignment = found.unwrapOr(null);
  // what was looked up before a move is about the home that was
  const since = assignment?.database_provider === database ? new Date(assignment.assigned_at).toISOString() : null;
  return { kind, since };
}
