import type { Result } from "neverthrow";
import { describe, expect, test } from "vitest";
import { collections } from "../../../shared/collections/index.ts";
import type { RepositoryError } from "../../../shared/contract/errors.ts";
import { outcome, type Store, value } from "../store.ts";
import { create } from "./samples.ts";
import { everything } from "./walk.ts";

const { categories, contacts } = collections;
const times = <T>(count: number, make: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)));
const tally = (outcomes: string[]) =>
  Object.fromEntries(
    [...new Set(outcomes)].sort().map((each) => [each, outcomes.filter((other) => other === each).length]),
  );

const winnerOf = <T>(results: Result<T, RepositoryError>[]): T => {
  const winner = results.find((each) => each.isOk());
  if (!winner) throw new Error("nobody won");
  return value(winner);
};

/** Writes at the same time. */
export function concurrency(store: () => Store): void {
  describe("writes at the same time", () => {
    test("of updates with one expected version exactly one wins", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      let { id, version } = value(await repository.create({ name: "start" }));
      for (let round = 0; round < 4; round++) {
        const results = await times(8, (i) =>
          repository.update(id, { name: `r${round} w${i}` }, { expectedVersion: version }),
        );
        expect(tally(results.map(outcome))).toEqual({ ok: 1, version_mismatch: 7 });
        const winner = winnerOf(results);
        expect(value(await repository.get(id))).toEqual(winner);
        version = winner.version;
      }
    });

    test("updates without one all apply, each with its own version, none lost", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      const made = value(await repository.create({ name: "start" }));
      const patches = [{ name: "a" }, { email: "b@example.org" }, { phone: "c" }, { note: "d" }];
      const versions = (await times(12, (i) => repository.update(made.id, patches[i % 4] ?? {}))).map(
        (each) => value(each).version,
      );
      expect(new Set(versions).size).toBe(12);
      const last = value(await repository.get(made.id));
      expect(last).toMatchObject({
        name: "a",
        email: "b@example.org",
        phone: "c",
        note: "d",
        version: Math.max(...versions),
      });
      expect(Math.min(...versions)).toBeGreaterThan(made.version);
    });

    test("searches see the fields as the last of concurrent updates left them", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      const { id } = value(await repository.create({ name: "start" }));
      for (let round = 0; round < 5; round++) {
        await Promise.all([
          repository.update(id, { name: `name${round}` }),
          repository.update(id, { note: `note${round}` }),
        ]);
        for (const q of [`name${round}`, `NOTE${round}`])
          expect([q, value(await repository.count({ filters: [], q }))]).toEqual([q, 1]);
      }
    });

    test("of creates with one id exactly one wins", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      const id = crypto.randomUUID();
      const results = await times(8, (i) => repository.create({ id, name: `w${i}` }));
      expect(tally(results.map(outcome))).toEqual({ duplicate: 7, ok: 1 });
      const winner = winnerOf(results);
      expect(value(await repository.get(id))).toEqual(winner);
      expect(value(await repository.count({ filters: [] }))).toBe(1);
    });

    test("of deletes one wins, the others find nothing", async () => {
      const owner = await store().newOwner();
      for (const name of ["contacts", "loan_payments"] as const) {
        const { id } = await create(owner, name);
        const results = await times(6, () => owner.repository<never>(collections[name] as never).delete(id));
        expect([name, tally(results.map(outcome))]).toEqual([name, { not_found: 5, ok: 1 }]);
      }
    });

    test("a delete with an expected version that is not the record's does nothing", async () => {
      const owner = await store().newOwner();
      for (const collection of [contacts, categories]) {
        const repository = owner.repository<never>(collection as never);
        const made = await create(owner, collection.name);
        const changed = value(await repository.update(made.id, {} as never)) as { version: number };
        const stale = await repository.delete(made.id, { expectedVersion: made.version });
        expect(stale._unsafeUnwrapErr()).toMatchObject({ kind: "conflict", code: "version_mismatch" });
        expect(outcome(await repository.get(made.id))).toBe("ok");
        value(await repository.delete(made.id, { expectedVersion: changed.version }));
        expect(outcome(await repository.delete(made.id, { expectedVersion: changed.version }))).toBe("not_found");
      }
    });

    test("an update and a delete with one expected version: exactly one wins", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      for (let round = 0; round < 6; round++) {
        const { id, version } = value(await repository.create({ name: "x" }));
        const expected = { expectedVersion: version };
        const both = [() => repository.update(id, { name: "y" }, expected), () => repository.delete(id, expected)];
        if (round % 2) both.reverse();
        const outcomes = (await Promise.all(both.map((call) => call()))).map((result) => outcome(result));
        expect(outcomes.filter((each) => each === "ok")).toHaveLength(1);
        expect(["version_mismatch", "not_found"]).toContain(outcomes.find((each) => each !== "ok"));
      }
    });

    test("creates and deletes of one id, over and over: versions only rise", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      const id = crypto.randomUUID();
      let newest = 0;
      for (let round = 0; round < 8; round++) {
        const results = await times(3, (i) => repository.create({ id, name: `r${round} w${i}` }));
        const made = results.filter((each) => each.isOk()).map((each) => value(each).version);
        expect(made).toHaveLength(1);
        expect(made[0]).toBeGreaterThan(newest);
        newest = made[0] ?? 0;
        value(await repository.delete(id));
      }
    });

    test("many creates at once are all there", async () => {
      const owner = await store().newOwner();
      const repository = owner.repository(contacts);
      const made = (await times(60, (i) => repository.create({ name: `c${i}` }))).map(value);
      expect(new Set(made.map(({ id }) => id)).size).toBe(60);
      const listed = value(await repository.list(everything)).items;
      expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(made.map(({ id }) => id)));
    });
  });
}
