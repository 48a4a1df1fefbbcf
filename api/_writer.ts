/** What a write through the API does to what is remembered: see shared/cache/cache.ts. */
import type { Context } from "hono";
import { EVERYBODY } from "../shared/cache/cache.ts";
import type { AppEnv } from "./_environment.ts";

/** Routes whose writes change what others are shown: an operator's, and movements between accounts of several users. */
const OF_SEVERAL = /^\/api\/(admin|ledger)(\/|$)/;
/** Methods of requests that change nothing. */
export const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Runs the handler; as a writer, if the request may change anything. An answer of 5xx says that it may still happen. */
export async function asWriter(c: Context<AppEnv>, userId: string, next: () => Promise<void>): Promise<void> {
  if (READS.has(c.req.method)) return next();
  const scopes = OF_SEVERAL.test(c.req.path) ? [userId, EVERYBODY] : [userId];
  await c.get("dependencies").cache.writing(scopes, next, () => c.res.status < 500);
}
