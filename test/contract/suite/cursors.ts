import { describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import { type Owner, outcome, type Store, value } from "../store.ts";
import { any, create } from "./samples.ts";
import { everything, oldest, walk } from "./walk.ts";

const { contacts } = collections;
const byName = { field: "name", direction: "asc" } as const;
const newest = { field: "created_at", direction: "desc" } as const;

/** Cursors: stable while records come and go, and good for one list only. */
export function cursors(store: () => Store): void {
  describe("cursors", () => {
    async function people(count: number): Promise<Owner> {
      const owner = await store().newOwner();
      const rows = Array.from({ length: count }, (_, i) => ({
        name: `p${String(i).padStart(3, "0")}`,
        created_at: `2026-01-01T00:00:00.${String(i % 10).padStart(3, "0")}Z`,
      }));
      await store().seed(owner, contacts, rows);
      return owner;
    }

    test.each([byName, { ...byName, direction: "desc" } as const, oldest, newest])(
      "what is there all the time appears once while others come and go: %j",
      async (sort) => {
        const owner = await people(40);
        const repository = owner.repository(contacts);
        const start = await walk(repository, everything);
        const leaving = new Set(start.filter((_, i) => i % 4 === 1).map(({ id }) => id));
        const staying = start.filter(({ id }) => !leaving.has(id));
        const gone = [...leaving];
        const seen = await walk(repository, { filters: [], sort, limit: 5 }, async (page) => {
          const id = gone.pop();
          if (id) value(await repository.delete(id));
          value(await repository.create({ name: `p${String(page * 7).padStart(3, "0")}a` }));
          value(await repository.create({ name: page % 2 ? "a" : "zz" }));
        });
        const ids = seen.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.filter((id) => staying.some((each) => each.id === id)).sort()).toEqual(
          staying.map(({ id }) => id).sort(),
        );
      },
    );

    test("a page goes on although its last record was deleted or changed", async () => {
      const owner = await people(10);
      const repository = owner.repository(contacts);
      const query = { filters: [], sort: byName, limit: 4 };
      const first = value(await repository.list(query));
      value(await repository.delete(first.items[3]?.id ?? ""));
      value(await repository.update(first.items[2]?.id ?? "", { note: "changed" }));
      const second = value(await repository.list({ ...query, cursor: first.next_cursor ?? "" }));
      expect(second.items.map(({ name }) => name)).toEqual(["p004", "p005", "p006", "p007"]);
    });

    test("the limit may change from page to page", async () => {
      const repository = (await people(20)).repository(contacts);
      const names: string[] = [];
      let cursor: string | undefined;
      for (const limit of [1, 7, 2, 200]) {
        const page = value(await repository.list({ filters: [], sort: byName, limit, cursor }));
        names.push(...page.items.map(({ name }) => name));
        cursor = page.next_cursor ?? undefined;
      }
      expect(names).toEqual(Array.from({ length: 20 }, (_, i) => `p${String(i).padStart(3, "0")}`));
      expect(cursor).toBeUndefined();
    });

    test("the order of filters does not matter to a cursor, their contents do", async () => {
      const owner = await people(6);
      const repository = owner.repository(contacts);
      const a = { field: "created_at", operator: "gte", value: "2025-01-01T00:00:00.000Z" } as const;
      const b = { field: "created_at", operator: "lt", value: "2027-01-01T00:00:00.000Z" } as const;
      const query = { filters: [a, b], sort: byName, limit: 3 };
      const cursor = value(await repository.list(query)).next_cursor ?? "";
      expect(outcome(await repository.list({ ...query, filters: [b, a], cursor }))).toBe("ok");
      const others = [
        { ...query, filters: [a] },
        { ...query, filters: [a, { ...b, operator: "lte" as const }] },
        { ...query, filters: [a, { ...b, value: "2028-01-01T00:00:00.000Z" }] },
        { ...query, q: "p" },
        { ...query, sort: { ...byName, direction: "desc" as const } },
        { ...query, sort: oldest },
        { ...query, sort: [byName, oldest] },
      ];
      for (const other of others) expect(outcome(await repository.list({ ...other, cursor }))).toBe("invalid_cursor");
    });

    test("another owner's and another collection's cursors are refused, and garbage", async () => {
      const owner = await people(4);
      const query = { filters: [], sort: newest, limit: 2 };
      const cursor = value(await owner.repository(contacts).list(query)).next_cursor ?? "";
      const stranger = await store().newOwner();
      expect(outcome(await stranger.repository(contacts).list({ ...query, cursor }))).toBe("invalid_cursor");
      expect(outcome(await any(owner, "loans").list({ ...query, cursor }))).toBe("invalid_cursor");
      const garbage = ["", "x", "null", "e30", "!!!!", cursor.slice(0, -2), `${cursor}A`, cursor.toUpperCase()];
      garbage.push("A".repeat(100_000), btoa("[1,2,3]"), btoa(JSON.stringify(["x", null, "y"])), `${cursor}\u0000`);
      for (const each of garbage) {
        const error = (await owner.repository(contacts).list({ ...query, cursor: each }))._unsafeUnwrapErr();
        expect(error).toMatchObject({ kind: "invalid", code: "invalid_cursor", errors: [{ field: "cursor" }] });
      }
    });

    test("a cursor whose key or id was exchanged shows nothing that is not its owner's", async () => {
      const stranger = await store().newOwner();
      await create(stranger, "contacts", { name: "hidden" });
      const repository = (await people(4)).repository(contacts);
      const query = { filters: [], sort: byName, limit: 2 };
      const cursor = value(await repository.list(query)).next_cursor ?? "";
      const [made, , at, id] = JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/"))) as string[];
      for (const parts of [
        [made, "a", at, id],
        [made, 'x",id.gt.0)', at, id],
        [made, "p001", "2000-01-01T00:00:00.000Z", "00000000-0000-0000-0000-000000000000"],
      ]) {
        const forged = btoa(JSON.stringify(parts)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        const page = await repository.list({ ...query, cursor: forged });
        for (const { name } of page.isOk() ? page.value.items : []) expect(name).not.toBe("hidden");
      }
      for (const parts of [
        [made, null, at, id],
        [made, 5, at, id],
        [made, { $gt: "" }, at, id],
        [made, "a", at, "x"],
        [made, "a", "yesterday", id],
        [made, "a", null, id],
        [made, "a", at],
        [made, "a", at, id, id],
        [made, "a"],
      ])
        expect(
          outcome(await repository.list({ ...query, cursor: btoa(JSON.stringify(parts)).replaceAll("=", "") })),
        ).toBe("invalid_cursor");
    });
  });
}
