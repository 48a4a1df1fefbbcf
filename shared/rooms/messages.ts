/** What is said in one room, by one who is in it: both kinds of room alike, wherever their messages are kept. */
import { err, ok, type Result } from "neverthrow";
import { busy, forbidden, type RepositoryError } from "../contract/errors.ts";
import { DEFAULT_SORT } from "../contract/query.ts";
import type { Answer, Page, Repository } from "../contract/repository.ts";
import type { RequestUser } from "../placement/service.ts";
import { DELETED } from "../repository/refusals.ts";
import type { Room, RoomRouter } from "./memberships.ts";
import { profilesOf, type Shown } from "./profiles.ts";

type Row = Record<string, unknown>;

/** What clients write. */
export interface Said {
  content?: string | null | undefined;
  file_url?: string | null | undefined;
}

export interface Message {
  id: string;
  room_id: string;
  sender_id: string;
  content: string | null;
  file_url: string | null;
  edited_at: string | null;
  is_deleted: boolean;
  version: number;
  created_at: string;
  updated_at: string;
  /** null: without a profile, or it cannot be read now */
  author: Shown | null;
}

type Stored = Omit<Message, "room_id" | "author">;

export interface Messages {
  /** Errors: as `create` of the contract. */
  post(said: Said & { id?: string | undefined }, idempotencyHash?: string): Answer<Message>;
  get(id: string): Answer<Message>;
  /** Newest first. */
  list(page: { limit: number; cursor?: string | undefined }): Answer<Page<Message>>;
  /** `forbidden`: another's; `deleted`: it says nothing any more. */
  edit(id: string, said: Said, expectedVersion?: number): Answer<Message>;
  /** It keeps its place and says nothing. Done twice, it is done once. `forbidden`: another's. */
  remove(id: string, expectedVersion?: number): Answer<void>;
}

/** How often a message that was changed at the same moment is looked at again. */
const TRIES = 5;

/** `clock`: milliseconds since 1970. Errors of the result: as of the router's `repository`. */
export async function messagesIn(
  router: RoomRouter,
  user: RequestUser,
  { id: roomId, messages }: Room,
  clock: () => number,
): Promise<Result<Messages, RepositoryError>> {
  const opened = await router.repository(messages, { ...user, scope: roomId });
  if (opened.isErr()) return err(opened.error);
  const records = opened.value as unknown as Repository<Row & Stored, Row, Row>;

  const shown = async (stored: readonly (Row & Stored)[]): Promise<Message[]> => {
    const profiles = await profilesOf(
      router,
      user,
      stored.map(({ sender_id }) => sender_id),
    );
    return stored.map((message) => {
      const { [messages.scope.field]: _, ...said } = message;
      return { ...(said as unknown as Stored), room_id: roomId, author: profiles.get(message.sender_id) ?? null };
    });
  };
  const one = async (answer: Result<Row & Stored, RepositoryError>): Answer<Message> =>
    answer.isErr() ? err(answer.error) : ok((await shown([answer.value]))[0] as Message);

  /** What `change` makes of the message as it is, at the version that it was seen with. */
  const write = async (
    id: string,
    expected: number | undefined,
    change: (message: Stored) => Result<Row, RepositoryError>,
  ): Answer<Row & Stored> => {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await records.get(id);
      if (found.isErr()) return err(found.error);
      if (found.value.sender_id !== user.id) return err(forbidden("Only its author changes a message."));
      const changes = change(found.value);
      if (changes.isErr()) return err(changes.error);
      const written = await records.update(id, changes.value, { expectedVersion: expected ?? found.value.version });
      if (expected !== undefined || written.isOk() || written.error.code !== "version_mismatch") return written;
    }
    return err(busy("This message is being changed by others. Try again."));
  };

  return ok({
    post: async (said, idempotencyHash) =>
      one(await records.create({ ...said }, idempotencyHash === undefined ? {} : { idempotencyHash })),

    get: async (id) => one(await records.get(id)),

    async list({ limit, cursor }) {
      const found = await records.list({ filters: [], sort: DEFAULT_SORT, limit, cursor });
      if (found.isErr()) return err(found.error);
      return ok({ items: await shown(found.value.items), next_cursor: found.value.next_cursor });
    },

    edit: async (id, said, expected) =>
      one(
        await write(id, expected, (message) => {
          if (message.is_deleted) return err(DELETED_MESSAGE);
          const isChanged = (["content", "file_url"] as const).some(
            (field) => said[field] !== undefined && said[field] !== message[field],
          );
          // Postgres sets the time itself, by the same rule
          return ok({ ...said, ...(isChanged && { edited_at: new Date(clock()).toISOString() }) });
        }),
      ),

    async remove(id, expected) {
      const removed = await write(id, expected, (message) =>
        message.is_deleted ? err(ALREADY) : ok({ content: null, file_url: null, is_deleted: true }),
      );
      return removed.isErr() && removed.error !== ALREADY ? err(removed.error) : ok(undefined);
    },
  });
}

const DELETED_MESSAGE: RepositoryError = { ...DELETED, message: "This message is deleted." };
/** Nothing is left to do. */
const ALREADY: RepositoryError = { ...DELETED_MESSAGE };
