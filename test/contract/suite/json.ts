import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Collection, defineCollection, home, owner } from "../../../shared/definition/define.ts";
import { json, name, optional, withDefault } from "../../../shared/definition/fields.ts";
import { DEFAULT_MAX_BYTES, type Json, jsonText, MAX_LEVELS, parseJson } from "../../../shared/values/json.ts";
import { partOf } from "../../setup/effort.ts";
import { HARD_KEYS, jsonValues, NUMBERS, nested, TOO_MUCH } from "../../setup/json-values.ts";
import { type Owner, outcome, type Store, value } from "../store.ts";
import { everything } from "./walk.ts";

/** No collection of the product has such fields. Its name is its own: several files may share a database. */
const parcels = defineCollection({
  name: `parcels_${crypto.randomUUID().slice(0, 8)}`,
  title: "parcel",
  placement: home(),
  scope: owner(),
  fields: {
    name: name(),
    content: json(),
    details: optional(json({ maxBytes: 200 })),
    labels: withDefault(json(), { b: [1.5, "it's $a"], a: {} }),
  },
});
const jsonOf = (text: string) => parseJson(text) as Json;

/** Fields that hold JSON: exact, in one spelling, and refused alike. */
export function documents(store: () => Store): void {
  describe("JSON", () => {
    let owner: Owner;
    beforeAll(async () => {
      await store().keep(parcels as unknown as Collection);
      owner = await store().newOwner();
    });
    const repository = () => owner.repository(parcels);
    const written = (content: Json) => repository().create({ name: "x", content });

    /** Through create, get, list and update. */
    async function comesBack(content: Json): Promise<void> {
      const expected = jsonText(content);
      const made = value(await written(content));
      const id = { field: "id", operator: "eq", value: made.id } as const;
      const listed = value(await repository().list({ ...everything, filters: [id] })).items[0];
      const changed = value(await repository().update(made.id, { content, labels: content }));
      const got = value(await repository().get(made.id));
      const all = [made.content, listed?.content, changed.content, changed.labels, got.content, got.labels];
      for (const each of all) expect(jsonText(each as Json)).toBe(expected);
    }

    test("numbers of every kind come back as they were, in one spelling", async () => {
      const text = `[${NUMBERS.join(", ")}]`;
      await comesBack(jsonOf(text));
      for (const number of NUMBERS.slice(-9)) await comesBack(jsonOf(number));
      const spellings = ["1", "1.0", "1e0", "10e-1"].map((number) => written(jsonOf(`{"n":${number}}`)));
      for (const made of await Promise.all(spellings)) expect(jsonText(value(made).content)).toBe('{"n":1}');
    });

    test("keys and texts of every kind come back, in one order", async () => {
      const members = HARD_KEYS.map((key) => `${JSON.stringify(key)}: ${JSON.stringify([key, { [key]: key }])}`);
      await comesBack(jsonOf(`{${members.join()}}`));
      const [one, other] = [members, [...members].reverse()].map((all) => jsonOf(`[{${all.join()}}]`));
      expect(jsonText(value(await written(one as Json)).content)).toBe(
        jsonText(value(await written(other as Json)).content),
      );
      for (const key of HARD_KEYS) await comesBack(key);
    });

    test.each([
      "{}",
      "[]",
      '""',
      "0",
      "false",
      "true",
      "[null]",
      '{"a":null}',
      '"null"',
      '"$name"',
      nested(MAX_LEVELS),
    ])("%s comes back", (text) => comesBack(jsonOf(text)));

    test("whatever it is comes back", () =>
      fc.assert(
        fc.asyncProperty(jsonValues, (content) => comesBack(content as Json)),
        { numRuns: partOf(40, 8) },
      ));

    test("the most that there may be comes back", () => comesBack("x".repeat(DEFAULT_MAX_BYTES - 2)));

    test("what was not given is absent, or the default, and null is absent", async () => {
      const made = value(await written(1));
      expect([made.details, jsonText(made.labels)]).toEqual([null, '{"a":{},"b":[1.5,"it\'s $a"]}']);
      const details = (is: boolean) =>
        repository().count({
          filters: [
            { field: "details", operator: "null", value: is },
            { field: "id", operator: "eq", value: made.id },
          ],
        });
      expect([value(await details(true)), value(await details(false))]).toEqual([1, 0]);
      expect(value(await repository().update(made.id, { details: "" })).details).toBe("");
      expect([value(await details(true)), value(await details(false))]).toEqual([0, 1]);
      expect(value(await repository().update(made.id, { name: "y" })).details).toBe("");
      expect(value(await repository().update(made.id, { details: null })).details).toBe(null);
      expect(outcome(await repository().update(made.id, { content: null as never }))).toBe("invalid_input");
    });

    test.each<[string, () => unknown]>([
      ["a level too many", () => JSON.parse(nested(MAX_LEVELS + 1))],
      ["100,000 levels", () => JSON.parse(nested(100_000))],
      ["a byte too many", () => "x".repeat(DEFAULT_MAX_BYTES - 1)],
      ...TOO_MUCH.map((text): [string, () => unknown] => [text, () => [parseJson(text)]]),
      ["NUL", () => ({ a: "\0" })],
      ["NUL in a key", () => ({ "\0": 1 })],
      ["a lone surrogate", () => ["\ud800"]],
      ["what is no JSON", () => [Number.NaN]],
    ])("%s is refused before anything is written", async (_, content) => {
      const other = await store().newOwner();
      const records = other.repository(parcels);
      const made = value(await records.create({ name: "x", content: 1 }));
      for (const refused of [
        await records.create({ name: "y", content: content() as Json }),
        await records.update(made.id, { content: content() as Json }),
      ]) {
        expect(outcome(refused)).toBe("invalid_input");
        expect(refused._unsafeUnwrapErr().errors).toMatchObject([{ field: "content", message: /\w+ \w+/ }]);
      }
      expect(value(await records.list(everything)).items).toEqual([made]);
    });

    test("a repeated create is one, and another body is another", async () => {
      const id = crypto.randomUUID();
      const create = (idempotencyHash: string) =>
        repository().create({ id, name: "x", content: jsonOf("[12345678901234567890]") }, { idempotencyHash });
      const made = value(await create("a"));
      expect(jsonText(value(await create("a")).content)).toBe(jsonText(made.content));
      expect(outcome(await create("b"))).toBe("idempotency_mismatch");
    });

    test("it is not sorted or grouped by", async () => {
      const sort = { field: "content", direction: "asc" } as const;
      expect(outcome(await repository().list({ ...everything, sort }))).toBe("invalid_query");
      expect(outcome(await repository().summarize({ filters: [], by: "content" }))).toBe("invalid_query");
    });
  });
}
