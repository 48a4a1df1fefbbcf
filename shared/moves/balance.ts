/**
 * Whom to move, so that each home holds what its weight says.
 *
 * share   how much of everything a home or a user is: the mean of its parts of all bytes, of all records, and of all users who
 *         were there within a day
 * ideal   the share that a home should have, by its weight. One that takes nobody keeps what it has if that is less
 * off     share - ideal. A home is out of balance when it is off by more than a tenth of its ideal
 *
 * While one is out of balance, the user is moved from the home that is most over to the one that is most under it who comes
 * nearest to what is missing without going past it: the largest, so that they are few. Where all are larger than that, the
 * smallest is, if the two are nearer to their ideals then. So every step makes the sum of the squares of `off` smaller; each
 * user is moved once; and when nothing can be made better, it ends.
 */
export interface BalancedHome {
  name: string;
  /** above 0 */
  weight: number;
  users: number;
  records: number;
  bytes: number;
  active: number;
  /** null: no limit */
  capacityUsers: number | null;
  /** for so much of users' records there is room; null: not known to be limited */
  roomBytes: number | null;
  /** why nobody is moved to it; null: it takes users */
  refuses: string | null;
}

export interface SizedUser {
  id: string;
  records: number;
  bytes: number;
  isActive: boolean;
}

export interface PlannedMove {
  user_id: string;
  from: string;
  to: string;
  records: number;
  bytes: number;
}

interface PlannedHome {
  name: string;
  users: number;
  users_after: number;
  records: number;
  bytes: number;
  bytes_after: number;
  /** of 1 */
  share: number;
  share_after: number;
  ideal: number;
  /** why nobody is moved to it */
  refuses: string | null;
}

export interface BalancePlan {
  homes: PlannedHome[];
  moves: PlannedMove[];
  /** whether every home is as good as at its ideal once these are made */
  balances: boolean;
}

const TOLERANCE = 0.1;
/** Shares are sums of fractions. */
const NOTHING = 1e-12;

interface State extends BalancedHome {
  load: number;
  ideal: number;
  /** largest first */
  movable: { user: SizedUser; share: number }[];
}

/** `usersOf`: who can be moved from each home. `limit`: the most moves. */
export function planBalance(
  homes: readonly BalancedHome[],
  usersOf: ReadonlyMap<string, readonly SizedUser[]>,
  limit = Number.POSITIVE_INFINITY,
): BalancePlan {
  const shareOf = measureOf(homes);
  const states = homes.map(
    (home): State => ({
      ...home,
      load: shareOf(home),
      ideal: 0,
      movable: (usersOf.get(home.name) ?? [])
        .map((user) => ({ user, share: shareOf({ ...user, active: user.isActive ? 1 : 0 }) }))
        .filter(({ share }) => share > NOTHING)
        .sort((one, other) => other.share - one.share || (one.user.id < other.user.id ? -1 : 1)),
    }),
  );
  setIdeals(states);
  const before = states.map((home) => ({ ...home }));
  const moves: PlannedMove[] = [];
  while (moves.length < limit && !states.every(isBalanced)) {
    const next = bestMove(states);
    if (!next) break;
    const { from, to, at } = next;
    const [moved] = from.movable.splice(at, 1);
    if (!moved) break;
    const { user, share } = moved;
    for (const [home, sign] of [[from, -1] as const, [to, 1] as const]) {
      home.load += sign * share;
      home.users += sign;
      home.bytes += sign * user.bytes;
    }
    if (to.roomBytes !== null) to.roomBytes -= user.bytes;
    moves.push({ user_id: user.id, from: from.name, to: to.name, records: user.records, bytes: user.bytes });
  }
  return {
    homes: states.map(({ name, refuses, records, ideal, load, users, bytes }, index) => {
      const was = before[index] as State;
      return {
        ...{ name, users: was.users, users_after: users, records, bytes: was.bytes, bytes_after: bytes },
        ...{ share: was.load, share_after: load, ideal, refuses },
      };
    }),
    moves,
    balances: states.every(isBalanced),
  };
}

const offOf = ({ load, ideal }: State): number => load - ideal;
const isBalanced = (home: State): boolean => Math.abs(offOf(home)) <= home.ideal * TOLERANCE + NOTHING;

/** What of everything these are. What nobody has (nobody was there today) says nothing about anybody. */
function measureOf(homes: readonly BalancedHome[]) {
  const KINDS = ["bytes", "records", "active"] as const;
  const totals = KINDS.map((kind) => [kind, homes.reduce((sum, home) => sum + home[kind], 0)] as const);
  const told = totals.filter(([, total]) => total > 0);
  return (part: Pick<BalancedHome, (typeof KINDS)[number]>): number =>
    told.reduce((sum, [kind, total]) => sum + part[kind] / total, 0) / Math.max(1, told.length);
}

/** By weight; what a home leaves that takes nobody is shared by the others. */
function setIdeals(homes: readonly State[]): void {
  const kept = new Set<State>();
  for (;;) {
    const open = homes.filter((home) => !kept.has(home));
    const weights = open.reduce((sum, { weight }) => sum + weight, 0);
    const left = homes.reduce((sum, { load }) => sum + load, 0) - [...kept].reduce((sum, { load }) => sum + load, 0);
    for (const home of open) home.ideal = (left * home.weight) / weights;
    const short = open.filter(({ refuses, load, ideal }) => refuses !== null && load < ideal);
    if (short.length === 0) return;
    for (const home of short) {
      home.ideal = home.load;
      kept.add(home);
    }
  }
}

/** Of the home that is most over, to the one that is most under; else the next ones. */
function bestMove(homes: readonly State[]): { from: State; to: State; at: number } | undefined {
  const over = [...homes].sort((one, other) => offOf(other) - offOf(one));
  const under = over.filter(({ refuses }) => refuses === null).reverse();
  for (const from of over)
    for (const to of under) {
      const gap = offOf(from) - offOf(to);
      if (gap <= NOTHING || (isBalanced(from) && isBalanced(to))) continue;
      const at = userFor(from, to, gap);
      if (at !== undefined) return { from, to, at };
    }
  return undefined;
}

/** The place of the user to move, in `from.movable`. */
function userFor(from: State, to: State, gap: number): number | undefined {
  if (to.capacityUsers !== null && to.users + 1 > to.capacityUsers) return undefined;
  const fits = ({ user }: State["movable"][number]) => to.roomBytes === null || user.bytes <= to.roomBytes;
  const missing = offOf(from) > 0 && offOf(to) < 0 ? Math.min(offOf(from), -offOf(to)) : gap / 2;
  // one that takes nobody never gives more than it is over by: nobody could give that back
  const most = from.refuses === null ? missing : Math.min(missing, offOf(from));
  const first = from.movable.findIndex((each) => each.share <= most + NOTHING && fits(each));
  if (first >= 0) return first;
  if (from.refuses !== null) return undefined;
  const last = from.movable.findLastIndex((each) => each.share < gap - NOTHING && fits(each));
  return last >= 0 ? last : undefined;
}
