/** How users are shown to each other, for those of one page in one call. */
import { ResultAsync } from "neverthrow";
import { sharedCollections } from "../collections/index.ts";
import { DEFAULT_SORT, MAX_LIMIT } from "../contract/query.ts";
import { asideOf } from "../placement/read-sources.ts";
import type { RequestUser } from "../placement/service.ts";
import type { RoomRouter } from "./memberships.ts";

/** As others see a user who has a profile. */
export interface Shown {
  user_id: string;
  name: string;
  image_url: string | null;
}

/**
 * Those of the users who have one, by their ids, of which there are at most as many as a page has records. Who cannot be shown
 * is no reason to show nothing: while profiles cannot be read, nobody has one.
 */
export async function profilesOf(
  router: RoomRouter,
  user: RequestUser,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Shown>> {
  const owners = [...new Set(ids)];
  if (owners.length === 0) return new Map();
  // what an answer is about does not come from where its decoration does
  const profiles = await router.repository(sharedCollections.profiles, { ...user, sources: asideOf(user) });
  const found = await profiles.asyncAndThen(
    (repository) => new ResultAsync(repository.list({ owners, filters: [], sort: DEFAULT_SORT, limit: MAX_LIMIT })),
  );
  const items = found.match(
    (page) => page.items,
    () => [],
  );
  return new Map(items.map(({ user_id, name, image_url }) => [user_id, { user_id, name, image_url }]));
}
