/** Ids in sixteen bytes each are found as they would be in a set. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { Owners } from "../../shared/backups/owners.ts";

const bytesOf = (id: string) => Buffer.from(id.replaceAll("-", ""), "hex");

test("who is in it, and nobody else", async () => {
  // as Postgres orders them
  const ids = Array.from({ length: 5_000 }, () => randomUUID() as string).sort();
  const owners = await Owners.of(ids);
  expect(owners.size).toBe(ids.length);
  for (const id of ids) expect(owners.has(bytesOf(id))).toBe(true);
  for (let n = 0; n < 1_000; n++) expect(owners.has(bytesOf(randomUUID()))).toBe(false);
  expect([...owners].map((id) => id.toString("hex"))).toEqual(ids.map((id) => id.replaceAll("-", "")));
});

test("nobody, one, and whoever is asked for twice", async () => {
  const [one, other] = [randomUUID(), randomUUID()].map(bytesOf) as [Buffer, Buffer];
  expect((await Owners.of([])).has(one)).toBe(false);
  const owners = await Owners.of([one.toString("hex")]);
  expect([one, one, other, other, one].map((id) => owners.has(id))).toEqual([true, true, false, false, true]);
});
