import { err, ok, type Result } from "neverthrow";
import { beforeEach, describe, expect, test } from "vitest";
import { misconfigured, type RepositoryError, unavailable } from "../../shared/contract/errors.ts";
import { createLog } from "../../shared/log.ts";
import type { RevocationRow } from "../../shared/placement/revocations.ts";
import { type ChangePage, createUserChanges, type ListPosition } from "../../shared/placement/user-changes.ts";

type List = Result<ChangePage, RepositoryError>;
const entry = (user_id: string, more: Partial<RevocationRow> = {}): RevocationRow => ({
  user_id,
  session_id: null,
  reason: "deleted",
  not_before: null,
  until: null,
  is_lifted: false,
  changed_at: 0,
  ...more,
});
const page = (revocations: RevocationRow[], more: Partial<ChangePage> = {}): List =>
  ok({ revocations, moved: [], next: null, horizon: "1", ...more });
const gone = (...deleted: string[]): List => page(deleted.map((id) => entry(id)));

let now = 0;
let loads = 0;
let lines: string[] = [];
let list: (after: ListPosition) => Promise<List> = async () => gone();

const create = (waitMs?: number) => {
  const changes = createUserChanges({
    tokenLifetimeSeconds: 3_600,
    ...(waitMs && { waitMs }),
    clock: () => now,
    log: createLog({ level: "debug", write: (line) => lines.push(line) }),
    load: (_, after) => {
      loads++;
      return list(after);
    },
  });
  const isDeleted = async (userId: string) => (await changes.standingOf({ userId, issuedAt: 0 })) === "deleted";
  return { ...changes, isDeleted };
};
/** Lets what runs behind the answers end. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  now = 1_000_000;
  loads = 0;
  lines = [];
  list = async () => gone();
});

describe("deleted users", () => {
  test("the first request waits for the list", async () => {
    list = async () => gone("gone");
    const users = create();
    expect(await users.isDeleted("gone")).toBe(true);
    expect(await users.isDeleted("there")).toBe(false);
    expect(loads).toBe(1);
  });

  test("requests at the same time share one reading", async () => {
    const users = create();
    await Promise.all(Array.from({ length: 50 }, () => users.isDeleted("there")));
    expect(loads).toBe(1);
  });

  test("a user deleted elsewhere is known within 30 s: an old list is read again before the answer", async () => {
    const users = create();
    await users.isDeleted("gone");
    list = async () => gone("gone");
    now += 30_001;
    expect(await users.isDeleted("gone")).toBe(true);
  });

  test("a list of middling age is used, and read again behind the answer", async () => {
    const users = create();
    await users.isDeleted("gone");
    list = async () => gone("gone");
    now += 21_000;
    expect(await users.isDeleted("gone")).toBe(false);
    await settled();
    expect(await users.isDeleted("gone")).toBe(true);
    expect(loads).toBe(2);
  });

  test("a user deleted through this instance is known at once, whatever an older reading says", async () => {
    const users = create();
    users.addDeleted("gone");
    expect(await users.isDeleted("gone")).toBe(true);
    now += 60_000;
    list = async () => err(unavailable("away"));
    expect(await users.isDeleted("gone")).toBe(true);
  });

  test("while Supabase is away the old list serves on, said once and asked for every few seconds only", async () => {
    list = async () => gone("gone");
    const users = create();
    await users.isDeleted("gone");
    list = async () => err(unavailable("away"));
    for (let seconds = 0; seconds < 120; seconds++) {
      now += 1_000;
      expect(await users.isDeleted("gone")).toBe(true);
      await settled();
    }
    expect(lines.filter((line) => line.includes("user_changes_unknown"))).toHaveLength(1);
    expect(loads).toBeLessThanOrEqual(2 + 120 / 5);
    list = async () => gone("gone", "late");
    now += 6_000;
    await users.isDeleted("late");
    await settled();
    expect(await users.isDeleted("late")).toBe(true);
  });

  test("a reading that hangs holds up the requests of its first moments and no others", async () => {
    list = () => new Promise(() => {});
    const users = create(20);
    const first = users.isDeleted("there");
    now += 21;
    expect(await users.isDeleted("there")).toBe(false);
    expect(await first).toBe(false);
    expect(loads).toBe(1);
  });

  test("who has moved is known with the same list, and nobody else has", async () => {
    list = async () => page([], { moved: [{ user_id: "mo", home: "atlas", epoch: 2 }] });
    const users = create();
    expect(await users.movedTo("mo")).toEqual({ home: "atlas", homeEpoch: 2 });
    expect(await users.movedTo("there")).toBeUndefined();
    expect(await users.isDeleted("mo")).toBe(false);
    expect(loads).toBe(1);
  });
});

describe("access that has ended", () => {
  const NOW = 1_000_000;
  const standing = async (rows: RevocationRow[], token: { sessionId?: string; issuedAt: number }, users = create()) => {
    list = async () => page(rows);
    return users.standingOf({ userId: "ann", ...token });
  };

  test("a ban ends every token of the user, until it is over", async () => {
    const users = create();
    const rows = [entry("ann", { reason: "banned", until: (NOW + 20_000) / 1_000 })];
    expect(await standing(rows, { sessionId: "s", issuedAt: NOW / 1_000 + 5 }, users)).toBe("banned");
    now += 20_001;
    expect(await standing([], { sessionId: "s", issuedAt: 0 }, users)).toBe("good");
  });

  test("a ban that has no end ends nobody else's", async () => {
    const users = create();
    const rows = [entry("ann", { reason: "banned" })];
    expect(await standing(rows, { issuedAt: 0 }, users)).toBe("banned");
    expect(await users.standingOf({ userId: "bob", issuedAt: 0 })).toBe("good");
  });

  test("a sign-out ends its session, and a new one of the same second is let in", async () => {
    const rows = [
      entry("ann", { reason: "signed_out", session_id: "old" }),
      entry("ann", { reason: "signed_out", not_before: 1_000 }),
    ];
    expect(await standing(rows, { sessionId: "old", issuedAt: 1_000 })).toBe("signed_out");
    expect(await standing(rows, { sessionId: "new", issuedAt: 1_000 })).toBe("good");
    // by a clock that is behind, too
    expect(await standing(rows, { sessionId: "new", issuedAt: 998 })).toBe("good");
    expect(await standing(rows, { issuedAt: 999 })).toBe("signed_out");
    expect(await standing(rows, { issuedAt: 1_000 })).toBe("good");
  });

  test("what is taken back is heard of with what is new, and the rest stays", async () => {
    const users = create();
    const asked: string[] = [];
    list = async ({ xid }) => {
      asked.push(xid);
      return xid === "0"
        ? page([entry("ann", { reason: "banned" }), entry("bob", { reason: "banned" })], { horizon: "70" })
        : page([entry("ann", { reason: "banned", is_lifted: true })], { horizon: "80" });
    };
    expect(await users.standingOf({ userId: "ann", issuedAt: 0 })).toBe("banned");
    now += 30_001;
    expect(await users.standingOf({ userId: "ann", issuedAt: 0 })).toBe("good");
    expect(await users.standingOf({ userId: "bob", issuedAt: 0 })).toBe("banned");
    expect(asked).toEqual(["0", "70"]);
  });

  test("a long list is read page by page, and used when all of it is there", async () => {
    const users = create();
    list = async ({ id }) =>
      id === 3 ? err(unavailable("away")) : page([entry(`user ${id}`)], { next: { xid: "5", id: id + 1 } });
    expect(await users.isDeleted("user 0")).toBe(false);
    list = async ({ id }) => page([entry(`user ${id}`)], { next: id === 3 ? null : { xid: "5", id: id + 1 } });
    now += 30_001;
    await users.isDeleted("user 0");
    await settled();
    for (const id of [0, 1, 2, 3]) expect(await users.isDeleted(`user ${id}`)).toBe(true);
  });

  test("after ten minutes, or on a cluster that counts anew, the whole list is read, and what it lacks is forgotten", async () => {
    const users = create();
    const asked: string[] = [];
    let horizon = "70";
    let rows = [entry("ann")];
    list = async ({ xid }) => {
      asked.push(xid);
      return page(rows, { horizon });
    };
    expect(await users.isDeleted("ann")).toBe(true);
    rows = [];
    horizon = "3";
    now += 30_001;
    expect(await users.isDeleted("ann")).toBe(true);
    now += 30_001;
    expect(await users.isDeleted("ann")).toBe(false);
    now += 600_000;
    await users.isDeleted("ann");
    expect(asked).toEqual(["0", "70", "0", "0"]);
  });

  test("an instance that has never loaded it lets tokens pass while Supabase is away", async () => {
    list = async () => err(unavailable("away"));
    expect(await create().standingOf({ userId: "ann", issuedAt: 0 })).toBe("good");
  });

  test("and does not know, where Supabase answers and the list cannot be had", async () => {
    list = async () => err(misconfigured("no such function"));
    const users = create();
    expect(await users.standingOf({ userId: "ann", issuedAt: 0 })).toBe("unknown");
    now += 6_000;
    list = async () => page([]);
    await users.standingOf({ userId: "ann", issuedAt: 0 });
    await settled();
    expect(await users.standingOf({ userId: "ann", issuedAt: 0 })).toBe("good");
    // once loaded, it serves on
    list = async () => err(misconfigured("no such function"));
    now += 30_001;
    expect(await users.standingOf({ userId: "ann", issuedAt: 0 })).toBe("good");
  });
});
