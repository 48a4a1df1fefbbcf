import { describe, expect, test } from "vitest";
import { homeCollections } from "../../../shared/collections/index.ts";
import { referencesFrom } from "../../../shared/definition/references.ts";
import { outcome, type Store, value } from "../store.ts";
import { any, type Body, body, byName, create } from "./samples.ts";

const references = homeCollections
  .flatMap(referencesFrom)
  .map((each) => [each.collection, each.field, each.target, each.where] as const);

/** Every reference of every definition: checked when it is made, kept while it is there. */
export function referenceRules(store: () => Store): void {
  describe.each(references)("%s.%s", (collection, field, target, where) => {
    const optional = byName(collection).fields[field]?.required === false;
    /** A body of the collection with every reference set. */
    const referring = async (owner: Awaited<ReturnType<Store["newOwner"]>>, id: unknown): Promise<Body> => ({
      ...(await body(owner, collection)),
      [field]: id,
    });

    test("must name a record that is there, on create and on update", async () => {
      const owner = await store().newOwner();
      const stranger = await store().newOwner();
      const repository = any(owner, collection);
      const parent = await create(owner, target, where);
      const made = value(await repository.create(await referring(owner, parent.id)));
      expect(made[field]).toBe(parent.id);
      const gone = await create(owner, target, where);
      value(await any(owner, target).delete(gone.id));
      const foreign = await create(stranger, target, where);
      const problems = [];
      for (const id of [crypto.randomUUID(), gone.id, foreign.id]) {
        problems.push((await repository.create(await referring(owner, id)))._unsafeUnwrapErr());
        problems.push((await repository.update(made.id, { [field]: id }))._unsafeUnwrapErr());
        const text = { [byName(collection).search[0] ?? ""]: "refused" };
        const more = { ...(await body(owner, collection, "full")), ...text, [field]: id };
        problems.push((await repository.update(made.id, more))._unsafeUnwrapErr());
      }
      for (const error of problems) {
        expect(error).toMatchObject({ kind: "invalid", code: "invalid_reference" });
        // another owner's record and a missing one are told apart by nothing
        expect({ ...error, cause: 0 }).toEqual({ ...problems[0], cause: 0 });
      }
      // a refused change is none: no field, no version, no text that is searched
      expect(value(await repository.get(made.id))).toEqual(made);
      expect(value(await repository.count({ filters: [], q: "refused" }))).toBe(0);
      const changed = await repository.update(made.id, {}, { expectedVersion: made.version });
      expect(value(changed)[field]).toBe(parent.id);
      expect(value(await repository.count({ filters: [] }))).toBe(1);
    });

    test("keeps its target from being deleted, until it is gone or points elsewhere", async () => {
      const owner = await store().newOwner();
      const parents = any(owner, target);
      const [first, second] = [await create(owner, target, where), await create(owner, target, where)];
      const repository = any(owner, collection);
      const made = value(await repository.create(await referring(owner, first.id)));
      expect((await parents.delete(first.id))._unsafeUnwrapErr()).toMatchObject({
        kind: "conflict",
        code: "referenced",
        // which still use it, and how many
        message: expect.stringMatching(new RegExp(`^1 ${byName(collection).title} refers to this`)),
        errors: [{ field: `${collection}.${field}`, code: "referenced", message: expect.stringContaining("1 ") }],
      });
      expect(value(await parents.get(first.id))).toEqual(first);
      value(await parents.update(first.id, {}));
      value(await repository.update(made.id, { [field]: second.id }));
      expect(outcome(await parents.delete(second.id))).toBe("referenced");
      value(await parents.delete(first.id));
      if (optional) {
        expect(value(await repository.update(made.id, { [field]: null }))[field]).toBeNull();
        value(await parents.delete(second.id));
      } else {
        value(await repository.delete(made.id));
        value(await parents.delete(second.id));
      }
    });

    test("a target deleted while it is referred to: never dangling", async () => {
      const owner = await store().newOwner();
      const [parents, children] = [any(owner, target), any(owner, collection)];
      const outcomes = new Set<string>();
      for (let round = 0; round < 12; round++) {
        const base = await referring(owner, null);
        const id = (await create(owner, target, where)).id;
        const onUpdate = round % 3 === 0 && optional;
        const child = onUpdate ? value(await children.create(base)).id : crypto.randomUUID();
        const refer = () =>
          onUpdate ? children.update(child, { [field]: id }) : children.create({ ...base, id: child, [field]: id });
        const [removed, made] =
          round % 2
            ? await Promise.all([parents.delete(id), refer()])
            : await reversed(refer(), () => parents.delete(id));
        const pair = `${outcome(removed)} ${outcome(made)}`;
        outcomes.add(pair);
        expect(["ok invalid_reference", "referenced ok"]).toContain(pair);
        const there = outcome(await parents.get(id)) === "ok";
        const kept = await children.get(child);
        expect(there).toBe(removed.isErr());
        expect(kept.isOk() && kept.value[field] === id).toBe(made.isOk());
        const filters = [{ field, operator: "eq", value: id }] as const;
        expect(value(await children.count({ filters }))).toBe(made.isOk() ? 1 : 0);
      }
      expect(outcomes.size).toBeGreaterThan(0);
    });
  });

  test("many children at once while the parent goes: all refused, or the parent stays", async () => {
    const owner = await store().newOwner();
    for (let round = 0; round < 6; round++) {
      const { id } = await create(owner, "categories");
      const children = Array.from({ length: 8 }, () =>
        create(owner, "expenses", { category_id: id }).then(
          () => true,
          () => false,
        ),
      );
      const removed = await any(owner, "categories").delete(id);
      const made = (await Promise.all(children)).filter(Boolean).length;
      const filters = [{ field: "category_id", operator: "eq", value: id }] as const;
      expect(value(await any(owner, "expenses").count({ filters }))).toBe(made);
      if (removed.isOk()) expect(made).toBe(0);
      else expect(outcome(await any(owner, "categories").get(id))).toBe("ok");
    }
  });
}

async function reversed<A, B>(first: Promise<A>, second: () => Promise<B>): Promise<[B, A]> {
  const [a, b] = await Promise.all([first, second()]);
  return [b, a];
}
