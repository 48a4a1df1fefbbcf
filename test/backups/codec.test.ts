/** A part comes back exactly, and whatever was done to it has a name. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { Decimal128, Long, UUID } from "bson";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkPart, readPart, writePart } from "../../shared/backups/codec.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "backups-"));
});
afterEach(() => rm(folder, { recursive: true }));

const PATH = "expenses/supabase/1.ndjson.zst";
const line = (n: number) => ({
  id: new UUID("0197f0a0-0000-7000-8000-000000000001"),
  amount: Decimal128.fromString("12.3400"),
  version: Long.fromString(String(1_764_000_000_000_000 + n)),
  created_at: new Date("2026-11-29T06:00:00.123Z"),
  note: "Ünïcode\n\u{1F600} $numberLong",
});
async function* lines(count: number) {
  for (let n = 0; n < count; n++) yield line(n);
}
async function all<T>(given: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of given) found.push(each);
  return found;
}

async function written(path: string, recipient: string | null) {
  const storage = folderStorage(folder);
  return { storage, part: { path, ...(await writePart(storage, `b1/${path}`, lines(5_000), recipient)) } };
}

test("every value comes back as it was", async () => {
  const { storage, part } = await written(PATH, null);
  await checkPart(storage, "b1", part);
  expect(await all(readPart(storage, "b1", part, null))).toEqual(await all(lines(5_000)));
  expect(await all(storage.list("b1/"))).toEqual([`b1/${PATH}`]);
});

test("encrypted, with the key alone", async () => {
  const identity = await generateIdentity();
  const { storage, part } = await written(`${PATH}.age`, await identityToRecipient(identity));
  // without it the bytes can be checked all the same
  await checkPart(storage, "b1", part);
  expect(await all(readPart(storage, "b1", part, identity))).toEqual(await all(lines(5_000)));
  const kind = "wrong key";
  await expect(all(readPart(storage, "b1", part, null))).rejects.toMatchObject({ kind });
  await expect(all(readPart(storage, "b1", part, await generateIdentity()))).rejects.toMatchObject({ kind });
});

test("a flipped byte, wherever it is, and a missing part are named", async () => {
  const { storage, part } = await written(PATH, null);
  const file = join(folder, "b1", PATH);
  const bytes = await readFile(file);
  for (const at of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
    await writeFile(file, flipped);
    await expect(checkPart(storage, "b1", part)).rejects.toMatchObject({ kind: "altered", path: PATH });
    await expect(all(readPart(storage, "b1", part, null))).rejects.toMatchObject({ name: "BadPart" });
  }
  await rm(file);
  await expect(checkPart(storage, "b1", part)).rejects.toMatchObject({ kind: "missing", path: PATH });
  await expect(all(readPart(storage, "b1", part, null))).rejects.toMatchObject({ kind: "missing", path: PATH });
});

test("what was begun and not finished is not there", async () => {
  const storage = folderStorage(folder);
  const dying = (async function* () {
    yield line(1);
    throw new Error("died");
  })();
  await expect(writePart(storage, `b1/${PATH}`, dying, null)).rejects.toThrow("died");
  expect(await all(storage.list(""))).toEqual([]);
});

test("paths stay within", async () => {
  const storage = folderStorage(folder);
  await expect(storage.put("../x", (async function* () {})())).rejects.toThrow("no path");
  await expect(all(storage.get("a/../../x"))).rejects.toThrow("no path");
});
