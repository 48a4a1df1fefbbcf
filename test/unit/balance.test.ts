/** The plan that balances homes: what holds of every plan, and what a few of them say. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BalancedHome, type BalancePlan, planBalance, type SizedUser } from "../../shared/moves/balance.ts";

type Homes = Map<string, SizedUser[]>;
interface World {
  homes: BalancedHome[];
  users: Homes;
}

const usersIn = (users: readonly SizedUser[]) => ({
  users: users.length,
  records: users.reduce((sum, { records }) => sum + records, 0),
  bytes: users.reduce((sum, { bytes }) => sum + bytes, 0),
  active: users.filter(({ isActive }) => isActive).length,
});
const home = (name: string, users: readonly SizedUser[], more: Partial<BalancedHome> = {}): BalancedHome => ({
  ...{ name, weight: 1, capacityUsers: null, roomBytes: null, refuses: null },
  ...usersIn(users),
  ...more,
});

const worlds = fc
  .array(
    fc.record({
      weight: fc.integer({ min: 1, max: 4 }),
      capacityUsers: fc.option(fc.integer({ min: 0, max: 40 })),
      roomBytes: fc.option(fc.integer({ min: 0, max: 20_000 })),
      refuses: fc.option(fc.constant("takes no users"), { freq: 3 }),
      users: fc.array(
        fc.record({
          records: fc.nat({ max: 100 }),
          bytes: fc.oneof(fc.nat({ max: 1_000 }), fc.nat({ max: 10_000 })),
          isActive: fc.boolean(),
        }),
        { maxLength: 40 },
      ),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((given): World => {
    const users: Homes = new Map(
      given.map((each, at) => [`home${at}`, each.users.map((user, id) => ({ ...user, id: `${at}-${id}` }))]),
    );
    const homes = given.map(({ users: _, ...more }, at) => home(`home${at}`, users.get(`home${at}`) ?? [], more));
    return { homes, users };
  });

const offOf = ({ homes }: BalancePlan, which: "share" | "share_after") =>
  homes.reduce((sum, each) => sum + (each[which] - each.ideal) ** 2, 0);

/** The world once the plan's moves are made. */
function moved({ homes, users }: World, { moves }: BalancePlan): World {
  const after: Homes = new Map([...users].map(([name, there]) => [name, [...there]]));
  for (const { user_id, from, to } of moves) {
    const there = after.get(from) ?? [];
    const user = there.find(({ id }) => id === user_id) as SizedUser;
    after.set(
      from,
      there.filter(({ id }) => id !== user_id),
    );
    after.get(to)?.push(user);
  }
  return { homes: homes.map((each) => ({ ...each, ...usersIn(after.get(each.name) ?? []) })), users: after };
}

describe("every plan", () => {
  test("keeps to each home's capacity, moves nobody twice, to nobody who refuses, and makes the balance better", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const plan = planBalance(world.homes, world.users);
        const ids = plan.moves.map(({ user_id }) => user_id);
        expect(new Set(ids).size).toBe(ids.length);
        const came = (name: string) => plan.moves.filter(({ to }) => to === name);
        for (const { name, refuses, capacityUsers, roomBytes, users } of world.homes) {
          const planned = plan.homes.find((each) => each.name === name);
          if (refuses !== null) expect(came(name)).toEqual([]);
          if (capacityUsers !== null) expect(planned?.users_after).toBeLessThanOrEqual(Math.max(users, capacityUsers));
          const bytes = came(name).reduce((sum, each) => sum + each.bytes, 0);
          if (roomBytes !== null) expect(bytes).toBeLessThanOrEqual(roomBytes);
        }
        const [before, after] = [offOf(plan, "share"), offOf(plan, "share_after")];
        if (plan.moves.length > 0) expect(after).toBeLessThan(before);
        const then = moved(world, plan);
        for (const { name, users_after, bytes_after } of plan.homes) {
          const { users, bytes } = then.homes.find((each) => each.name === name) as BalancedHome;
          expect([users_after, bytes_after]).toEqual([users, bytes]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("is empty where all is balanced, and so is the one after it", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const plan = planBalance(world.homes, world.users);
        fc.pre(plan.balances);
        const then = moved(world, plan);
        expect(planBalance(then.homes, then.users).moves).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("reaches the balance where many small users may go everywhere", () => {
    const small = fc.array(
      fc.record({ weight: fc.integer({ min: 1, max: 3 }), count: fc.integer({ min: 0, max: 200 }) }),
      { minLength: 2, maxLength: 5 },
    );
    fc.assert(
      fc.property(small, (given) => {
        fc.pre(given.reduce((sum, { count }) => sum + count, 0) >= 200);
        const users: Homes = new Map(
          given.map(({ count }, at) => [
            `home${at}`,
            Array.from({ length: count }, (_, id) => ({ id: `${at}-${id}`, records: 1, bytes: 100, isActive: true })),
          ]),
        );
        const homes = given.map(({ weight }, at) => home(`home${at}`, users.get(`home${at}`) ?? [], { weight }));
        expect(planBalance(homes, users).balances).toBe(true);
      }),
    );
  });
});

describe("a plan", () => {
  const user = (id: string, bytes: number): SizedUser => ({ id, bytes, records: bytes / 100, isActive: false });

  test("moves the one who is as large as what is missing, and not ten who are together", () => {
    const there = [user("large", 1_000), ...Array.from({ length: 10 }, (_, at) => user(`small${at}`, 100))];
    const plan = planBalance([home("a", there), home("b", [])], new Map([["a", there]]));
    expect(plan.moves).toEqual([{ user_id: "large", from: "a", to: "b", records: 10, bytes: 1_000 }]);
    expect(plan.homes.map(({ share, share_after, ideal }) => [share, share_after, ideal])).toEqual([
      [1, 0.5, 0.5],
      [0, 0.5, 0.5],
    ]);
  });

  test("follows the weights, and leaves alone what is a tenth off", () => {
    const there = Array.from({ length: 100 }, (_, at) => user(String(at), 100));
    const heavy = (count: number) => {
      const [one, other] = [there.slice(0, count), there.slice(count)];
      return planBalance(
        [home("a", one, { weight: 3 }), home("b", other)],
        new Map([
          ["a", one],
          ["b", other],
        ]),
      ).moves;
    };
    expect(heavy(100)).toHaveLength(23);
    expect(heavy(73)).toEqual([]);
    expect(new Set(heavy(40).map(({ from, to }) => `${from} ${to}`))).toEqual(new Set(["b a"]));
  });

  test("counts bytes, records and those who were there today alike", () => {
    const [one, other] = [
      [{ id: "bytes", bytes: 900, records: 0, isActive: false }],
      [{ id: "records", bytes: 0, records: 90, isActive: false }],
    ];
    const plan = planBalance([home("a", one), home("b", other)], new Map());
    expect(plan).toMatchObject({ balances: true, moves: [] });
  });

  test("stops at its limit, and says that it is not balanced then", () => {
    const there = Array.from({ length: 100 }, (_, at) => user(String(at), 100));
    const plan = planBalance([home("a", there), home("b", [])], new Map([["a", there]]), 5);
    expect([plan.moves.length, plan.balances]).toEqual([5, false]);
  });

  test("takes from one that takes nobody, never to it, and gives the others what that leaves", () => {
    const there = Array.from({ length: 90 }, (_, at) => user(String(at), 100));
    const homes = [home("a", there), home("b", []), home("c", [], { refuses: "takes no users" })];
    const plan = planBalance(homes, new Map([["a", there]]));
    expect(plan.homes.map(({ ideal }) => ideal)).toEqual([0.5, 0.5, 0]);
    expect(plan.balances).toBe(true);
    expect(new Set(plan.moves.map(({ to }) => to))).toEqual(new Set(["b"]));
  });
});
