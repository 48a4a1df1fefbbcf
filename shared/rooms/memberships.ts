/**
 * Which room an id names, to one who is in it: a conversation by their own row of `conversation_members`, which a replica has
 * while Postgres is away, or else a channel of a server that they are in.
 *
 * A yes is remembered for `REMEMBERED_SECONDS`, so that a message costs one call and not three, and a room goes on for a while
 * when nobody can be asked. For so long one who was removed, by another instance, may go on reading and posting. A no is not
 * remembered, and never a replica's: that one may not have heard yet.
 */
import { err, ok, type Result } from "neverthrow";
import { sharedCollections } from "../collections/index.ts";
import { notFound, type RepositoryError } from "../contract/errors.ts";
import { anyOf, DEFAULT_SORT } from "../contract/query.ts";
import type { Collection } from "../definition/define.ts";
import { asideOf } from "../placement/read-sources.ts";
import type { Router } from "../placement/router.ts";
import type { RequestUser } from "../placement/service.ts";

export const REMEMBERED_SECONDS = 10;
/** Pairs of user and room; beyond, the oldest is forgotten. */
const MOST = 10_000;

export interface Room {
  id: string;
  kind: "conversation" | "channel";
  /** where what is said in it is kept */
  messages: Collection;
}

export type RoomRouter = Pick<Router, "repository" | "control">;

export interface Memberships {
  /** `not_found` for whoever is not in it, whatever there is; `unavailable` while nobody can say. */
  find(router: RoomRouter, user: RequestUser, roomId: string): Promise<Result<Room, RepositoryError>>;
  /** Somebody has left, as this instance knows: everything of that room is asked anew. */
  forget(roomId: string): void;
  /** The same of every channel: which are a server's is not remembered. */
  forgetChannels(): void;
}

const { conversation_members, direct_messages, group_messages } = sharedCollections;

/** `clock`: milliseconds. */
export function createMemberships(clock: () => number): Memberships {
  const known = new Map<string, { room: Room; until: number }>();

  const remember = (key: string, room: Room) => {
    known.delete(key);
    known.set(key, { room, until: clock() + REMEMBERED_SECONDS * 1_000 });
    const oldest = known.keys().next();
    if (known.size > MOST && !oldest.done) known.delete(oldest.value);
    return room;
  };

  return {
    async find(router, user, roomId) {
      const key = `${roomId} ${user.id}`;
      const found = known.get(key);
      // a clock that was set back must not make it last
      if (found && clock() < found.until && found.until - clock() <= REMEMBERED_SECONDS * 1_000) return ok(found.room);
      known.delete(key);
      const room = await look(router, user, roomId);
      return room.andThen((there) => (there ? ok(remember(key, there)) : err(notFound("There is no such room."))));
    },
    forget(roomId) {
      for (const key of known.keys()) if (key.startsWith(`${roomId} `)) known.delete(key);
    },
    forgetChannels() {
      for (const [key, { room }] of known) if (room.kind === "channel") known.delete(key);
    },
  };
}

async function look(
  router: RoomRouter,
  user: RequestUser,
  roomId: string,
): Promise<Result<Room | undefined, RepositoryError>> {
  const inConversation = await isInConversation(router, user, roomId);
  if (inConversation.isErr()) return err(inConversation.error);
  if (inConversation.value) return ok({ id: roomId, kind: "conversation", messages: anyCollection(direct_messages) });
  const inChannel = await router.control<boolean>(
    "read",
    "switchyard_is_in_channel",
    { p_user_id: user.id, p_channel_id: roomId },
    user,
  );
  return inChannel.map((is) =>
    is ? { id: roomId, kind: "channel", messages: anyCollection(group_messages) } : undefined,
  );
}

async function isInConversation(
  router: RoomRouter,
  user: RequestUser,
  roomId: string,
): Promise<Result<boolean, RepositoryError>> {
  const ask = async (asked: RequestUser) => {
    const own = await router.repository(conversation_members, asked);
    if (own.isErr()) return err(own.error);
    const filters = [anyOf("conversation_id", [roomId])];
    return (await own.value.list({ filters, sort: DEFAULT_SORT, limit: 1 })).map(({ items }) => items.length > 0);
  };
  // where it was looked up says nothing of where the answer to the caller comes from
  const sources = asideOf(user);
  const answer = await ask({ ...user, reads: "anywhere", sources });
  if (answer.isErr() || answer.value || sources.source !== "replica") return answer;
  return ask({ ...user, reads: "primary", sources: asideOf(user) });
}

/** Without the types of its fields. */
const anyCollection = (collection: unknown): Collection => collection as Collection;
