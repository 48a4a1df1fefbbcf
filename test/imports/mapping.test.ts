/** What is wrong with a mapping file is said with its place, and with what to write there. */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { readMapping } from "../../shared/imports/mapping.ts";
import { objectIdOf, uuidOf } from "../../shared/imports/source-ids.ts";
import { MAP } from "./legacy.ts";

let text: string;
beforeAll(async () => {
  text = await readFile(MAP, "utf8");
});
const problems = (written: string) => readMapping(written, homeCollections)._unsafeUnwrapErr();

test("the example has no faults", () => {
  expect(readMapping(text, homeCollections).isOk()).toBe(true);
});

test.each([
  [`"scale": 2`, `"scale": 9`, /^records\[2\]\.fields\.amount\.scale: A scale is from 0 to 4/],
  [`{ "money": "amount", "scale": 2 }`, `"amount"`, /^records\[2\]\.fields\.amount: amount is money: write \{"money"/],
  ["Europe/Rome", "Europe/Atlantis", /^records\[2\]\.fields\.date\.zone: There is no such IANA time zone/],
  [`"to": "wallets for spending"`, `"to": "purses"`, /^records\[2\]\.fields\.category_id: There is no entry "purses"/],
  [`"to": "expenses"`, `"to": "expanses"`, /^records\[2\]\.to: No collection "expanses"/],
  [`"description": "note"`, `"descripton": "note"`, /^records\[2\]\.fields\.descripton: There is no field/],
  [`"currency": "currency",`, "", /^records\[2\]\.fields: currency is missing/],
  [`"ignore": ["__v"]`, `"ignores": ["__v"]`, /^records\[2\]\.ignores: There is nothing of that name/],
  [`"version": 1`, `"version": 2`, /^version: This is format 1/],
  [`"version": 1,`, `"version": 1`, /^The mapping is no JSON: .*(line \d+|position \d+)/],
])("%s as %s", (was, is, message) => {
  expect(problems(text.replace(was, is))[0]).toMatch(message);
});

test("an ObjectId is in its UUID, whichever part of a document it names; the order of making stays", () => {
  const [first, second] = ["65a1b2c3d4e5f60718293a4b", "65a1b2c4d4e5f60718293a4b"];
  for (const part of [0, 1, 63]) {
    const id = uuidOf("users", first, part);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(objectIdOf(id)).toEqual({ objectId: first, part });
  }
  expect(uuidOf("users", first) < uuidOf("users", second)).toBe(true);
  expect(objectIdOf(uuidOf("users", "17"))).toBeUndefined();
  expect(uuidOf("users", "17")).not.toBe(uuidOf("wallets", "17"));
});
