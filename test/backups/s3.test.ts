/** Backups in a bucket: what is put is there whole or not at all, what passes is tried again, and what does not has a name. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type S3Options, s3Storage } from "../../shared/backups/s3-storage.ts";
import { NotStored } from "../../shared/backups/storage.ts";
import { KEY, type S3Server, startS3 } from "./s3-server.ts";

let s3: S3Server;
beforeEach(async () => {
  s3 = await startS3("vault");
});
afterEach(() => s3.stop());

const storageWith = (more: Partial<S3Options> = {}) =>
  s3Storage({ bucket: "vault", prefix: "in/here", endpoint: s3.endpoint, waitMs: 1, ...KEY, ...more });
const MB = 1024 * 1024;

async function* pieces(bytes: Uint8Array, size = 700_001) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function all(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
async function listed(paths: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const path of paths) found.push(path);
  return found;
}

test("bytes of any length come back, large ones in parts", async () => {
  const storage = storageWith();
  expect(storage.place).toBe("s3://vault/in/here");
  for (const size of [0, 1, 8 * MB - 1, 8 * MB, 20 * MB + 5]) {
    const bytes = randomBytes(size);
    await storage.put("b1/part", pieces(bytes));
    expect(s3.objects.get("in/here/b1/part")?.equals(bytes)).toBe(true);
    expect((await all(storage.get("b1/part"))).equals(bytes)).toBe(true);
  }
  expect(s3.asked.filter((line) => line.startsWith("PUT") && line.includes("partNumber"))).toHaveLength(1 + 3);
  expect(s3.uploads.size).toBe(0);
});

test("lists over pages, and clears what is under an id alone", async () => {
  const storage = storageWith();
  const paths = ["b1/a/x/1.zst", "b1/a/x/2.zst", "b1/m.json", "b10/m.json", "b2/a/1", "b2/a/2", "b2/m.json"];
  for (const path of [...paths].reverse()) await storage.put(path, pieces(Buffer.from(path)));
  expect(await listed(storage.list(""))).toEqual(paths);
  expect(await listed(storage.list("b2/"))).toEqual(paths.slice(4));
  expect(await listed(storage.ids())).toEqual(["b1", "b10", "b2"]);
  await storage.clear("b1");
  expect(await listed(storage.list(""))).toEqual(paths.slice(3));
  await storage.delete("b2/m.json");
  await storage.delete("b2/m.json");
  expect(await listed(storage.list("b2/"))).toEqual(paths.slice(4, 6));
  await expect(all(storage.get("b2/m.json"))).rejects.toThrow(NotStored);
});

test("what passes is tried again, and a read that breaks goes on from there", async () => {
  const storage = storageWith();
  const bytes = randomBytes(9 * MB);
  s3.troubles.push(503, 500, 429, 503);
  await storage.put("b1/part", pieces(bytes));
  s3.troubles.push(503, "cut", "cut");
  expect((await all(storage.get("b1/part"))).equals(bytes)).toBe(true);
});

test("a read that breaks goes on also where parts of an object cannot be asked for", async () => {
  const bytes = randomBytes(3 * MB);
  await storageWith().put("b1/part", pieces(bytes));
  s3.troubles.push("cut", "rangeless");
  expect((await all(storageWith().get("b1/part"))).equals(bytes)).toBe(true);
  expect(s3.troubles).toEqual([]);
});

test("who does not answer, and a key that has expired, are named", async () => {
  const put = (more: Partial<S3Options> = {}) => storageWith(more).put("b1/part", pieces(Buffer.from("x")));
  s3.troubles.push(...Array.from({ length: 6 }, () => "silence" as const));
  await expect(put({ requestMs: 50 })).rejects.toThrow("cannot be reached");
  // one that was given up may not have come as far as the server
  s3.troubles.length = 0;
  s3.troubles.push("expired");
  await expect(put()).rejects.toThrow("the key has expired (ExpiredToken): take a new one");
  s3.troubles.push(...Array.from({ length: 6 }, () => 500));
  await expect(put()).rejects.toThrow("does not take b1/part (Odd");
  expect([s3.objects.size, s3.troubles.length]).toEqual([0, 0]);
});

test("an upload of several parts whose key expires midway leaves nothing that is seen", async () => {
  const source = (async function* () {
    yield randomBytes(8 * MB);
    s3.troubles.push("expired", "expired");
    yield randomBytes(9 * MB);
  })();
  await expect(storageWith().put("b1/part", source)).rejects.toThrow("the key has expired");
  expect(s3.objects.size).toBe(0);
});

test("an upload that fails leaves nothing, be it the source's fault or the bucket's", async () => {
  const storage = storageWith();
  const dying = (async function* () {
    yield randomBytes(17 * MB);
    throw new Error("died");
  })();
  await expect(storage.put("b1/part", dying)).rejects.toThrow("died");
  expect([s3.objects.size, s3.uploads.size]).toEqual([0, 0]);
  const source = pieces(randomBytes(9 * MB));
  // a part is refused for good, while the upload is begun
  const refusing = (async function* () {
    yield randomBytes(8 * MB);
    s3.troubles.push(400);
    yield* source;
  })();
  await expect(storage.put("b1/part", refusing)).rejects.toThrow("does not take b1/part (Odd");
  expect([s3.objects.size, s3.uploads.size]).toEqual([0, 0]);
});

test("putting the parts together may fail after its 200", async () => {
  const bytes = randomBytes(8 * MB);
  const storage = storageWith();
  const source = (async function* () {
    yield bytes;
    // asked for after the first part was taken: the next answer is that to the whole
    s3.troubles.push("error");
  })();
  await expect(storage.put("b1/part", source)).rejects.toThrow("InternalError");
  expect(s3.objects.size).toBe(0);
});

test("a wrong key, bucket or address is named", async () => {
  const put = (more: Partial<S3Options>) => storageWith(more).put("b1/part", pieces(Buffer.from("x")));
  await expect(put({ secretAccessKey: "other" })).rejects.toThrow("refuses the key in AWS_ACCESS_KEY_ID");
  await expect(put({ bucket: "elsewhere" })).rejects.toThrow("there is no bucket of this name");
  await s3.stop();
  await expect(put({})).rejects.toThrow("cannot be reached");
  expect(s3.objects.size).toBe(0);
});
