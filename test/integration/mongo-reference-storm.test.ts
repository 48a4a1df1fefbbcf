/** Many writers of several instances on few records in MongoDB, who lead them here and there while their parents go. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { collections, homeCollections } from "../../shared/collections/index.ts";
import { outcome, value } from "../contract/store.ts";
import { dangling } from "./dangling.ts";
import { type Instances, openInstances } from "./mongo-instances.ts";
import { trips } from "./trips.ts";

const { categories, contacts } = collections;
const all = [...homeCollections, trips];
const ROUNDS = 8;
const INSTANCES = 3;
const WRITERS = 6;
const WRITES_EACH = 10;

let instances: Instances;
beforeAll(async () => {
  instances = await openInstances("reference_storm", INSTANCES, all);
});
afterAll(() => instances.close());

const anyOf = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T;

test("nothing dangles, nothing that was answered is lost, and every reference is one that was answered", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const userId = crypto.randomUUID() as string;
    const repository: ReturnType<Instances["as"]> = (collection) => instances.as(userId, anyOf([0, 1, 2]))(collection);
    const make = (count: number, one: () => Promise<string>) => Promise.all(Array.from({ length: count }, one));
    const parents = {
      category_id: await make(
        3,
        async () => value(await repository(categories).create({ name: "c", kind: "expense" })).id,
      ),
      contact_id: await make(2, async () => value(await repository(contacts).create({ name: "c" })).id),
      follows_id: [] as string[],
    };
    const made = await make(3, async () => {
      const [category_id, contact_id] = [anyOf(parents.category_id), anyOf(parents.contact_id)];
      return value(await repository(trips).create({ title: "t", category_id, contact_id })).id;
    });
    parents.follows_id = made;
    const fields = ["category_id", "contact_id", "follows_id"] as const;
    /** what each reference may be: what it was, and what it was answered to be */
    const answered = new Map<string, Set<string | null>>();
    for (const id of made) {
      const record = value(await repository(trips).get(id));
      for (const field of fields) answered.set(`${id} ${field}`, new Set([record[field]]));
    }
    const lead = async () => {
      const [id, field] = [anyOf(made), anyOf(fields)];
      const to = anyOf([...parents[field], null, crypto.randomUUID()]);
      const result = outcome(await repository(trips).update(id, { [field]: to }));
      expect(["ok", "invalid_reference"]).toContain(result);
      if (result === "ok") answered.get(`${id} ${field}`)?.add(to);
    };
    const rename = async () => void value(await repository(trips).update(anyOf(made), { title: "renamed" }));
    const remove = () =>
      Math.random() < 0.5
        ? repository(categories).delete(anyOf(parents.category_id))
        : repository(contacts).delete(anyOf(parents.contact_id));
    const writer = async () => {
      for (let write = 0; write < WRITES_EACH; write++) await anyOf([lead, lead, rename, remove])();
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));

    expect(await dangling(instances.db, userId, all)).toEqual([]);
    for (const id of made) {
      const record = value(await repository(trips).get(id));
      for (const field of fields) expect(answered.get(`${id} ${field}`)).toContain(record[field]);
    }
  }
}, 240_000);
