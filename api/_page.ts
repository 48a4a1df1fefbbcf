/** Lists that have one order and no filters: newest first, `limit` and `cursor`. */
import type { Context } from "hono";
import { z } from "zod";
import { sharedCollections } from "../shared/collections/index.ts";
import type { ListQuery } from "../shared/contract/query.ts";
import type { Collection } from "../shared/definition/define.ts";
import type { AppEnv } from "./_environment.ts";
import { queryOf, refuseParameters } from "./_service.ts";

/** Ends the request with a 400 that names what is at fault. */
export function pageOf(c: Context<AppEnv>): ListQuery {
  const others = Object.keys(c.req.queries()).filter((name) => !["limit", "cursor"].includes(name));
  refuseParameters(c, ...others);
  // any collection: nothing of it is asked for
  return queryOf(c, "list", sharedCollections.profiles as unknown as Collection);
}

export const pageSchema = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next_cursor: z.string().nullable() });
