/** What random histories of moves are made of. */
import fc from "fast-check";
import { MOVE_POINTS } from "../../shared/moves/run.ts";
import type { Kind } from "./history-books.ts";

const USERS = 2;
export const SLOTS = 2;
export const INSTANCES = 3;

type Point = (typeof MOVE_POINTS)[number];
/** Who asks, and how: through that instance, with the token of that sign-in (of those that there are). */
interface By {
  user: number;
  instance: number;
  token: number;
}
export type Action =
  | (By & { do: "write"; verb: "create" | "change" | "delete"; kind: Kind; which: number })
  | (By & { do: "read"; kind: Kind; which: number })
  /** the next page of the listing that is on its way, or the first one of the next listing */
  | (By & { do: "page" })
  | { do: "rest"; user: number; token: number; verb: "create" | "read" }
  /** judged when nobody knew of a move, and sent now */
  | { do: "late write"; user: number; verb: "create" | "change"; which: number; apartMs: number }
  | { do: "sign in"; user: number }
  | { do: "move"; user: number; to: number }
  | { do: "reverse" | "abort" | "clean" | "delete user"; user: number }
  /** so many steps of whatever moves are due */
  | { do: "work"; steps: number; dies: Point | undefined; sleeps: Point | undefined }
  | { do: "leases end" }
  | { do: "pauses run out" };

/** `wakes`: workers that sleep go on while it is played. */
export interface Round {
  actions: Action[];
  inOrder: boolean;
  /** before it, in seconds */
  passes: number;
  wakes: boolean;
}
export interface History {
  /** where users are at home first: numbers of homes */
  homes: number[];
  rounds: Round[];
}

/** How old an instance's list may be here. */
export const NOTICE_SECONDS = 300;

const user = fc.nat(USERS - 1);
const which = fc.nat(SLOTS - 1);
const kind = fc.constantFrom<Kind>("contacts", "contacts", "loans");
const by = { user, instance: fc.nat(INSTANCES - 1), token: fc.nat(7) };
const points = (none: number): fc.Arbitrary<Point | undefined> =>
  fc.oneof(
    { weight: none, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...MOVE_POINTS) },
  );
const just = <const T extends string>(value: T) => fc.constant(value);

const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      ...{ ...by, kind, which, do: just("write") },
      verb: fc.constantFrom(
        "create" as const,
        "create" as const,
        "change" as const,
        "change" as const,
        "delete" as const,
      ),
    }),
  },
  { weight: 8, arbitrary: fc.record({ ...by, kind, which, do: just("read") }) },
  { weight: 3, arbitrary: fc.record({ ...by, do: just("page") }) },
  {
    weight: 2,
    arbitrary: fc.record({
      user,
      token: by.token,
      do: just("rest"),
      verb: fc.constantFrom("create" as const, "read" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ user, which, do: just("late write") },
      verb: fc.constantFrom("create" as const, "change" as const),
      apartMs: fc.constantFrom(-240_000, 0, 240_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ user, do: just("sign in") }) },
  { weight: 4, arbitrary: fc.record({ user, to: fc.nat(3), do: just("move") }) },
  { weight: 2, arbitrary: fc.record({ user, do: just("reverse") }) },
  { weight: 1, arbitrary: fc.record({ user, do: just("abort") }) },
  { weight: 1, arbitrary: fc.record({ user, do: just("clean") }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: just("work"),
      steps: fc.integer({ min: 1, max: 4 }),
      dies: points(3),
      sleeps: points(4),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Action>({ do: "leases end" }, { do: "leases end" }, { do: "delete user", user: 0 }),
  },
  { weight: 1, arbitrary: fc.record({ do: just("pauses run out") }) },
);

export const histories: fc.Arbitrary<History> = fc.record({
  homes: fc.array(fc.nat(3), { minLength: USERS, maxLength: USERS }),
  rounds: fc.array(
    fc.record({
      actions: fc.array(actions, { minLength: 1, maxLength: 12, size: "max" }),
      inOrder: fc.boolean(),
      passes: fc.constantFrom(0, 200, 400, 1_300, 1_300),
      wakes: fc.boolean(),
    }),
    { minLength: 3, maxLength: 6, size: "max" },
  ),
});
