/** Records in MongoDB that refer to records of their own collection, or to themselves. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { defineCollection, home, owner } from "../../shared/collections/define.ts";
import { name, optional, reference } from "../../shared/collections/fields.ts";
import { type Failpoint, noFailpoint } from "../../shared/mongo/failpoints.ts";
import { mongoRepositories } from "../../shared/mongo/index.ts";
import { settleReferences } from "../../shared/mongo/settle.ts";
import { outcome, value } from "../contract/store.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";
import { dangling, dieAt, gate, pending } from "./mongo-writers.ts";

/** A collection whose records refer to each other, as folders do. */
const folders = defineCollection({
  name: "folders",
  title: "folder",
  placement: home(),
  scope: owner(),
  fields: { title: name(), parent_id: optional(reference("folders")) },
});
const all = [folders];

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase("self_references");
});
afterAll(() => database.close());

const newUser = () => crypto.randomUUID() as string;
const foldersOf = (userId: string, failpoint: Failpoint = noFailpoint) =>
  mongoRepositories({ db: database.db, userId, all, failpoint }).repository(folders);
const settle = () => settleReferences(database.db, all, () => Date.now() + 60_000);

/** Bodies of folders, each in the next and the last in the first. */
const circle = (...ids: string[]) =>
  ids.map((id, index) => ({ id, title: id, parent_id: ids[(index + 1) % ids.length] ?? null }));

test.each([2, 3])("made at once in a circle of %i: each in time, all of them or none", async (size) => {
  const userId = newUser();
  const bodies = circle(...Array.from({ length: size }, newUser));
  const gates = bodies.map(() => gate("create:inserted"));
  const created = bodies.map((body, index) => foldersOf(userId, gates[index]?.failpoint).create(body));
  await Promise.all(gates.map(({ reached }) => reached));
  for (const { open } of gates) open();
  const outcomes = (await Promise.all(created)).map(outcome);
  for (const each of outcomes) expect(["ok", "busy", "invalid_reference"]).toContain(each);
  expect([0, size]).toContain(outcomes.filter((each) => each === "ok").length);
  expect(await dangling(database.db, userId, all)).toEqual([]);
});

test("one that refers to itself and whose writer died is settled", async () => {
  const userId = newUser();
  const [self] = circle(newUser());
  const dying = foldersOf(userId, dieAt("create:inserted"));
  await expect(dying.create({ title: "self", ...self })).rejects.toThrow("killed");
  await settle();
  expect(await pending(database.db, "folders", userId)).toBe(0);
  expect(value(await foldersOf(userId).get(String(self?.id))).parent_id).toBe(self?.id);
});

test("records that were led into a circle by writers who died are led back, and stay", async () => {
  const userId = newUser();
  const top = value(await foldersOf(userId).create({ title: "top" })).id;
  const make = async () => value(await foldersOf(userId).create({ title: "in top", parent_id: top })).id;
  const [one, two] = [await make(), await make()];
  const lead = (id: string, parent_id: string) => foldersOf(userId, dieAt("update:written")).update(id, { parent_id });
  await expect(lead(one, two)).rejects.toThrow("killed");
  await expect(lead(two, one)).rejects.toThrow("killed");
  value(await foldersOf(userId).update(one, { title: "renamed" }));
  await settle();
  await settle();
  const read = async (id: string) => value(await foldersOf(userId).get(id));
  const [first, second] = [await read(one), await read(two)];
  expect(first.title).toBe("renamed");
  // one was led back; the other's reference to it holds then, and may as well be kept
  expect([first.parent_id, second.parent_id]).toContain(top);
  expect(await pending(database.db, "folders", userId)).toBe(0);
});

test("a circle whose writers all died is taken back", async () => {
  const userId = newUser();
  const bodies = circle(newUser(), newUser());
  for (const body of bodies)
    await expect(foldersOf(userId, dieAt("create:inserted")).create(body)).rejects.toThrow("killed");
  await settle();
  expect(value(await foldersOf(userId).count({ filters: [] }))).toBe(0);
});

test("a tree that goes while it grows: a folder is refused, or its parent stays", async () => {
  const userId = newUser();
  const repository = foldersOf(userId);
  for (let round = 0; round < 30; round++) {
    const { id } = value(await repository.create({ title: "parent" }));
    value(await repository.update(id, { parent_id: id }));
    const [removed, made] = await Promise.all([
      repository.delete(id),
      repository.create({ title: "child", parent_id: id }),
    ]);
    expect(removed.isOk()).toBe(made.isErr());
  }
  expect(await dangling(database.db, userId, all)).toEqual([]);
});
