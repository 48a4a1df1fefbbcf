/**
 * Moves of many users from beginning to end: begun at a rate, made by whoever makes steps (this one among them), and looked at
 * until none is under way. Whoever ends it between two steps leaves nothing half done: what is begun goes on by itself where the
 * edge function `moves` is woken, and what is not begun is as it was.
 */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import type { Begun, Move, MovesControl } from "../moves/control.ts";
import { type Beginning, isUnderWay } from "./move-users.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface TurnsOptions {
  control: Pick<MovesControl, "list">;
  begin: Beginning;
  /** users whose moves begin within a minute; no limit unless given */
  perMinute?: number | undefined;
  /** makes steps until none is due, or this one says that it is time for something else */
  makeSteps: (isOver: () => boolean) => Answer<number>;
  /** true: nothing more is begun, and no further step is made */
  isOver?: (() => boolean) | undefined;
  onMove?: (move: Move) => void;
  onRefused?: (userId: string, why: string) => void;
  /** milliseconds, of any beginning, never set back */
  clock: () => number;
  wait: (ms: number) => Promise<unknown>;
}

export interface Turns {
  begun: number;
  ended: Move[];
  refused: { user_id: string; refused: string }[];
  /** users whose moves were under way when it was ended */
  underWay: string[];
  /** false: it was ended before all were begun */
  isAll: boolean;
}

/** Between two looks at moves of which no step is due, in milliseconds. */
const LOOK_MS = 200;
const MINUTE_MS = 60_000;

export async function moveInTurns(options: TurnsOptions): Answer<Turns> {
  const { control, begin, perMinute, makeSteps, isOver = () => false, clock, wait } = options;
  const pace = createPace(perMinute, clock);
  const waiting = new Set<string>();
  const turns: Turns = { begun: 0, ended: [], refused: [], underWay: [], isAll: false };
  const isTimeToBegin = () => !turns.isAll && pace.due() > 0;
  while (!isOver() && !(turns.isAll && waiting.size === 0)) {
    if (isTimeToBegin()) {
      const most = pace.due();
      const begun = await begin(most);
      if (begun.isErr()) return err(begun.error);
      pace.take(begun.value.length);
      turns.isAll = begun.value.length === 0;
      note(begun.value, waiting, turns, options);
      // all at once, where nothing says how fast
      if (perMinute === undefined) continue;
    }
    const made = await makeSteps(() => isOver() || isTimeToBegin());
    if (made.isErr()) return err(made.error);
    for (const userId of waiting) {
      const found = await control.list({ userId, ended: true, limit: 1 });
      if (found.isErr()) return err(found.error);
      const [move] = found.value;
      if (!move) continue;
      options.onMove?.(move);
      if (isUnderWay(move)) continue;
      waiting.delete(userId);
      turns.ended.push(move);
    }
    if (!isTimeToBegin() && !(turns.isAll && waiting.size === 0)) await wait(LOOK_MS);
  }
  turns.underWay = [...waiting];
  return ok(turns);
}

function note(begun: readonly Begun[], waiting: Set<string>, turns: Turns, { onRefused }: TurnsOptions): void {
  for (const one of begun) {
    turns.begun++;
    if ("move" in one) waiting.add(one.user_id);
    else {
      turns.refused.push(one);
      onRefused?.(one.user_id, one.refused);
    }
  }
}

/** How many may begin now: never more than a second's worth at once, or one, however long nobody asked. */
function createPace(perMinute: number | undefined, clock: () => number) {
  if (perMinute === undefined) return { due: () => Number.POSITIVE_INFINITY, take: () => undefined };
  const most = Math.max(1, perMinute / 60);
  let allowed = 1;
  let at = clock();
  return {
    due() {
      const now = clock();
      allowed = Math.min(most, allowed + ((now - at) * perMinute) / MINUTE_MS);
      at = now;
      return Math.floor(allowed);
    },
    take(count: number) {
      allowed -= count;
    },
  };
}
