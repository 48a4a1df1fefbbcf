/** Records in MongoDB that refer to records of their own collection: to themselves, to each other, in circles. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { defineCollection, home, owner } from "../../shared/definition/define.ts";
import { name, optional, reference } from "../../shared/definition/fields.ts";
import { outcome, value } from "../contract/store.ts";
import { dangling } from "./dangling.ts";
import { type Instances, openInstances } from "./mongo-instances.ts";

/** A collection whose records refer to each other, as folders do. */
const folders = defineCollection({
  name: "folders",
  title: "folder",
  placement: home(),
  scope: owner(),
  fields: { title: name(), parent_id: optional(reference("folders")) },
});

let instances: Instances;
beforeAll(async () => {
  instances = await openInstances("self_references", 2, [folders]);
});
afterAll(() => instances.close());

const newId = () => crypto.randomUUID() as string;
const foldersOf = (userId: string, instance = 0) => instances.as(userId, instance)(folders);

test("one that refers to itself is one call, and can be deleted", async () => {
  const repository = foldersOf(newId());
  const id = newId();
  instances.sent();
  expect(value(await repository.create({ id, title: "self", parent_id: id })).parent_id).toBe(id);
  value(await repository.update(id, { parent_id: id }));
  expect(instances.sent().map(({ commandName }) => commandName)).toEqual(["insert", "findAndModify"]);
  value(await repository.delete(id));
});

test("a circle cannot be made at once, but led to; none of it can be deleted until it is opened", async () => {
  const repository = foldersOf(newId());
  const [one, two] = [newId(), newId()];
  const made = [
    await repository.create({ id: one, title: "one", parent_id: two }),
    await repository.create({ id: two, title: "two", parent_id: one }),
  ];
  expect(made.map(outcome)).toEqual(["invalid_reference", "invalid_reference"]);
  for (const id of [one, two]) value(await repository.create({ id, title: "t" }));
  value(await repository.update(one, { parent_id: two }));
  value(await repository.update(two, { parent_id: one }));
  expect([await repository.delete(one), await repository.delete(two)].map(outcome)).toEqual([
    "referenced",
    "referenced",
  ]);
  value(await repository.update(one, { parent_id: null }));
  value(await repository.delete(two));
  value(await repository.delete(one));
});

test("two that are led to each other at once, by two instances", async () => {
  const userId = newId();
  for (let round = 0; round < 5; round++) {
    const [one, two] = [newId(), newId()];
    for (const id of [one, two]) value(await foldersOf(userId).create({ id, title: "t" }));
    const led = await Promise.all([
      foldersOf(userId).update(one, { parent_id: two }),
      foldersOf(userId, 1).update(two, { parent_id: one }),
    ]);
    expect(led.map(outcome)).toEqual(["ok", "ok"]);
  }
}, 60_000);

test("a tree that goes while it grows: a folder is refused, or its parent stays", async () => {
  const userId = newId();
  for (let round = 0; round < 30; round++) {
    const { id } = value(await foldersOf(userId).create({ title: "parent" }));
    value(await foldersOf(userId).update(id, { parent_id: id }));
    const [removed, made] = await Promise.all([
      foldersOf(userId).delete(id),
      foldersOf(userId, 1).create({ title: "child", parent_id: id }),
    ]);
    expect(removed.isOk()).toBe(made.isErr());
  }
  expect(await dangling(instances.db, userId, [folders])).toEqual([]);
}, 60_000);
