/**
 * Where users are at home who are moving or have moved, as MongoDB itself knows it: one small document for each of them
 * (`switchyard_homes`). Nobody else has one, and nothing of theirs is looked up.
 *
 * MongoDB has no policies that could refuse a write, so those who write look. Each instance keeps the list of these
 * documents, read from MongoDB itself, and serves nobody with one that is older than `NOTICE_MS`; whoever moves a user writes
 * their document, and waits that long and for what was under way, before it relies on it. From then on every write of that
 * user is a transaction that writes the document, too: of it and of whoever pauses the user, one is refused and begins again.
 *
 *   _id         the user
 *   home, epoch where they are at home, and how often that has changed
 *   state       moving: reads go on, writes are told to come again, until `held_until` (null: until it is changed)
 *   turn        of whoever set it (see Fence)
 *   touched     how often the user has written since
 */
import { type Db, Long, MongoServerError, UUID } from "mongodb";
import { err, ok, type Result } from "neverthrow";
import { busy, moved, type RepositoryError } from "../contract/errors.ts";
import type { Caller } from "../repository/database.ts";
import type { Fence, FenceAnswer } from "../repository/home-copy.ts";
import { againstContention } from "./contention.ts";
import { uuidText } from "./documents.ts";
import { attempt } from "./failures.ts";
import { ownPace } from "./pace.ts";
import type { CallOptions } from "./transactions.ts";

const FENCES = "switchyard_homes";

/** How old the list may be by which a request is served, where nothing else is configured. */
export const NOTICE_MS = 20_000;
/** What commits late carries an earlier time, and so does what another server of a replica set has written: so much is read again. */
const OVERLAP_MS = 60_000;

/** A kept copy is cleaned after seven days, and a token of the time before the switch has ended by then, too. */
const NEEDED_MS = 8 * 86_400_000;

export interface FenceDocument {
  _id: UUID;
  home: string;
  epoch: number;
  state: Fence["state"];
  held_until: Date | null;
  turn: Long;
  changed_at: Date;
  touched?: number;
}

export const fencesIn = (db: Db) => db.collection<FenceDocument>(FENCES);

const MOVING = busy("These records are being moved to another database. Try again in a moment.");

/** What a fence says to one caller. */
export interface CallersFence {
  /** For reads: whether they are at home here. */
  look(): Promise<Result<void, RepositoryError>>;
  /** For a write, in its transaction. */
  touch(options: CallOptions): Promise<Result<void, RepositoryError>>;
}

export interface FenceList {
  /** Undefined: the caller has none. `unavailable`: the list is too old, and cannot be read. */
  of(caller: Pick<Caller, "id" | "homeEpoch">): Promise<Result<CallersFence | undefined, RepositoryError>>;
}

export interface FenceListOptions {
  db: () => Db;
  /** of this database */
  name: string;
  maxTimeMs: number;
  /** milliseconds, of any beginning, never set back */
  clock?: (() => number) | undefined;
  /** how old the list may be */
  staleMs: number;
}

export function createFenceList({
  db,
  name,
  maxTimeMs,
  clock = () => performance.now(),
  staleMs,
}: FenceListOptions): FenceList {
  const users = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;
  let newest: Date | undefined;
  let reading: Promise<Result<void, RepositoryError>> | undefined;

  const read = (): Promise<Result<void, RepositoryError>> =>
    attempt(async () => {
      const began = clock();
      const since = newest ? { changed_at: { $gte: new Date(newest.getTime() - OVERLAP_MS) } } : {};
      const found = await fencesIn(db())
        .find(since, { projection: { changed_at: 1 }, maxTimeMS: maxTimeMs })
        .toArray();
      for (const { _id, changed_at } of found) {
        users.add(uuidText(_id));
        if (!newest || changed_at > newest) newest = changed_at;
      }
      // what the list leaves out came after the reading began
      readAt = began;
      return ok(undefined);
    });
  const refresh = () => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return {
    async of({ id, homeEpoch }) {
      const age = clock() - readAt;
      if (age > staleMs / 2) {
        const refreshed = refresh();
        if (age > staleMs) {
          const answer = await refreshed;
          if (answer.isErr()) return err(answer.error);
        }
      }
      return ok(users.has(id) ? callersFence({ db: db(), name, maxTimeMs, userId: id, homeEpoch }) : undefined);
    },
  };
}

/**
 * Takes away the documents that nobody needs any more: no token is left that is older than what they say, and their moves have
 * ended. (While a move or the copy that it left is seen to, its documents are written again and again.) The users' writes cost
 * what everybody's do again. Driver errors are thrown.
 */
export async function forgetMoves(db: Db, maxTimeMS: number, now: () => number = Date.now): Promise<void> {
  const isOver = { state: "active" as const, changed_at: { $lt: new Date(now() - NEEDED_MS) } };
  await fencesIn(db).deleteMany(isOver, { maxTimeMS });
}

interface CallersFenceOptions {
  db: Db;
  name: string;
  maxTimeMs: number;
  userId: string;
  homeEpoch: number | undefined;
}

function callersFence({ db, name, maxTimeMs, userId, homeEpoch = 0 }: CallersFenceOptions): CallersFence {
  const _id = new UUID(userId);
  const judge = (found: FenceDocument | null, isWriting: boolean): Result<void, RepositoryError> => {
    // a token that is newer than the document knows better
    if (!found || homeEpoch > found.epoch) return ok(undefined);
    if (found.home !== name) return err(moved());
    return isWriting && found.state === "moving" ? err(MOVING) : ok(undefined);
  };
  return {
    look: () => attempt(async () => judge(await fencesIn(db).findOne({ _id }, { maxTimeMS: maxTimeMs }), false)),
    async touch(options) {
      const open = {
        $or: [
          { epoch: { $lt: homeEpoch } },
          { home: name, state: "active" as const },
          // a pause that has run out; what is written by that is seen when both homes are compared
          { home: name, held_until: { $lt: new Date(), $ne: null } },
        ],
      };
      const { matchedCount } = await fencesIn(db).updateOne({ _id, ...open }, { $inc: { touched: 1 } }, options());
      if (matchedCount > 0) return ok(undefined);
      return judge(await fencesIn(db).findOne({ _id }, options()), true);
    },
  };
}

/** Sets a user's fence; what is under way in their name has to end first. Driver errors are thrown. */
export async function setFence(
  db: Db,
  name: string,
  userId: string,
  fence: Fence,
  waitMs: number,
): Promise<FenceAnswer> {
  const { home, epoch, state, turn, forMs } = fence;
  const _id = new UUID(userId);
  const mayFollow = {
    turn: { $lte: Long.fromNumber(turn) },
    // what is said of a home that is to come is taken back by saying what was before
    $or: [{ epoch: { $lte: epoch } }, { epoch: epoch + 1, state: "moving" as const, home: name }],
  };
  const answer = await againstContention({ db, maxTimeMs: waitMs, pace: ownPace }, async ({ left }) => {
    const held_until = forMs === undefined ? null : new Date(Date.now() + forMs);
    const set = { home, epoch, state, held_until, turn: Long.fromNumber(turn) };
    // the server's time: by that of one whose clock is behind, nobody would read it
    const change = { $set: set, $currentDate: { changed_at: true as const } };
    try {
      await fencesIn(db).updateOne({ _id, ...mayFollow }, change, { upsert: true, maxTimeMS: left() });
      return ok<FenceAnswer>("set");
    } catch (error) {
      if (error instanceof MongoServerError && error.code === 11000) return ok<FenceAnswer>("passed");
      throw error;
    }
  });
  return answer.unwrapOr("busy");
}
