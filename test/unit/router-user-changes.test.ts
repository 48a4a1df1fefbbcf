import { err, ok, type Result } from "neverthrow";
import { beforeEach, describe, expect, test } from "vitest";
import { type RepositoryError, unavailable } from "../../shared/contract/errors.ts";
import { createLog } from "../../shared/log.ts";
import { type ChangeList, createUserChanges } from "../../shared/placement/user-changes.ts";

type List = Result<ChangeList, RepositoryError>;
const gone = (...deleted: string[]): List => ok({ deleted, moved: [] });

let now = 0;
let loads = 0;
let lines: string[] = [];
let list: () => Promise<List> = async () => gone();

const create = (waitMs?: number) =>
  createUserChanges({
    ...(waitMs && { waitMs }),
    clock: () => now,
    log: createLog({ level: "debug", write: (line) => lines.push(line) }),
    load: () => {
      loads++;
      return list();
    },
  });
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

  test("a user deleted elsewhere is known within 60 s: an old list is read again before the answer", async () => {
    const users = create();
    await users.isDeleted("gone");
    list = async () => gone("gone");
    now += 46_000;
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
    list = async () => ok({ deleted: [], moved: [{ user_id: "mo", home: "atlas", epoch: 2 }] });
    const users = create();
    expect(await users.movedTo("mo")).toEqual({ home: "atlas", homeEpoch: 2 });
    expect(await users.movedTo("there")).toBeUndefined();
    expect(await users.isDeleted("mo")).toBe(false);
    expect(loads).toBe(1);
  });
});
