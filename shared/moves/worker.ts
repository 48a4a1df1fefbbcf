/** Works off moves that are due. Any number of workers may run. */
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { stepMove } from "./move-user.ts";
import type { MoveOptions } from "./run.ts";

export interface RunMovesOptions extends MoveOptions {
  /** moves that are worked on at once; 4 unless told */
  atOnce?: number;
  /** true: no further step is begun */
  isOver?: () => boolean;
}

const AT_ONCE = 4;

/** Until none is due; how many steps were made. */
export async function runMoves(options: RunMovesOptions): Promise<Result<number, RepositoryError>> {
  const { control, databases, atOnce = AT_ONCE, isOver = () => false, leaseSeconds = 30 } = options;
  const names = [...databases.keys()];
  let steps = 0;
  const work = async (): Promise<Result<void, RepositoryError>> => {
    while (!isOver()) {
      const claimed = await control.claim(names, leaseSeconds);
      if (claimed.isErr()) return claimed.map(() => undefined);
      if (!claimed.value) break;
      await stepMove(options, claimed.value);
      steps++;
    }
    return ok(undefined);
  };
  const ended = await Promise.all(Array.from({ length: atOnce }, work));
  return ended.find((one) => one.isErr())?.map(() => steps) ?? ok(steps);
}
