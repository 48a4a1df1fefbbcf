/** Rooms by who is in them: those of a user, and the people of one. */
import { err, ok } from "neverthrow";
import { sharedCollections } from "../collections/index.ts";
import { DEFAULT_SORT, type ListQuery, MAX_LIMIT } from "../contract/query.ts";
import type { Answer, Page, Repository } from "../contract/repository.ts";
import { type Collection, readBy } from "../definition/define.ts";
import type { RequestUser } from "../placement/service.ts";
import type { RoomRouter } from "./memberships.ts";
import { profilesOf, type Shown } from "./profiles.ts";

type Row = Record<string, unknown> & { id: string; created_at: string };

/** Where somebody is in, and by what field their rows there name it. */
interface Kind {
  /** the rooms themselves */
  rooms: Collection;
  /** who is in them: each user's own rows */
  members: Collection;
  field: string;
  /** the same rows, by the room */
  people: Collection;
}

const kindOf = (rooms: unknown, members: unknown, field: string): Kind => ({
  rooms: rooms as Collection,
  members: members as Collection,
  field,
  people: readBy(members as Collection, field),
});
const { conversations, conversation_members, servers, members } = sharedCollections;
export const CONVERSATIONS = kindOf(conversations, conversation_members, "conversation_id");
export const SERVERS = kindOf(servers, members, "server_id");

export interface Person {
  user_id: string;
  joined_at: string;
  /** null for one without a profile, and while profiles cannot be read */
  profile: Shown | null;
}

const open = async (router: RoomRouter, user: RequestUser, collection: Collection): Answer<Repository<Row>> =>
  (await router.repository(collection, user)) as never;

/** One page of the rooms that the user is in, the one that they joined last first; each with `joined_at`. */
export async function joinedBy(
  router: RoomRouter,
  user: RequestUser,
  { rooms, members: joined, field }: Kind,
  page: ListQuery,
): Answer<Page<Row & { joined_at: string }>> {
  const own = await open(router, user, joined);
  if (own.isErr()) return err(own.error);
  const found = await own.value.list(page);
  if (found.isErr()) return err(found.error);
  const owners = found.value.items.map((row) => String(row[field]));
  const repository = await open(router, user, rooms);
  if (repository.isErr()) return err(repository.error);
  const listed = await repository.value.list({ owners, filters: [], sort: DEFAULT_SORT, limit: MAX_LIMIT });
  if (listed.isErr()) return err(listed.error);
  const byId = new Map(listed.value.items.map((room) => [room.id, room]));
  // one that has ended since then is not there any more
  const items = found.value.items.flatMap((row) => {
    const room = byId.get(String(row[field]));
    return room ? [{ ...room, joined_at: row.created_at }] : [];
  });
  return ok({ items, next_cursor: found.value.next_cursor });
}

/** The room as its members see it. Whoever asks has seen to it that the user is one. */
export async function joinedOne(router: RoomRouter, user: RequestUser, kind: Kind, id: string): Answer<Row> {
  const repository = await open(router, { ...user, scope: id }, kind.rooms);
  return repository.isErr() ? err(repository.error) : repository.value.get(id);
}

/** One page of who is in a room, the last to come first. Whoever asks has seen to it that the user is. */
export async function peopleIn(
  router: RoomRouter,
  user: RequestUser,
  kind: Kind,
  id: string,
  page: ListQuery,
): Answer<Page<Person>> {
  const repository = await open(router, { ...user, scope: id }, kind.people);
  if (repository.isErr()) return err(repository.error);
  const found = await repository.value.list(page);
  if (found.isErr()) return err(found.error);
  const { items, next_cursor } = found.value;
  const profiles = await profilesOf(
    router,
    user,
    items.map((row) => String(row.user_id)),
  );
  const people = items.map((row) => ({
    user_id: String(row.user_id),
    joined_at: row.created_at,
    profile: profiles.get(String(row.user_id)) ?? null,
  }));
  return ok({ items: people, next_cursor });
}
