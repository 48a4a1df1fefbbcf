/**
 * A folder or bucket to which everything happens that can: each is refused by name before a line of it would be written, or the
 * command ends as it should.
 */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Encrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { chainOf } from "../../shared/backups/chain.ts";
import { BackupFailed } from "../../shared/backups/failures.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { type Manifest, sumOf } from "../../shared/backups/manifest.ts";
import { namingStorage } from "../../shared/backups/naming-storage.ts";
import { pruneBackups } from "../../shared/backups/prune.ts";
import { checkChain, newerSchema } from "../../shared/backups/restore-checks.ts";
import { s3Storage } from "../../shared/backups/s3-storage.ts";
import type { BackupStorage } from "../../shared/backups/storage.ts";
import { listBackups, readManifest, verifyBackup } from "../../shared/backups/verify.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { SCHEMA_REVISION } from "../../shared/postgres/revision.ts";
import { makeBackup } from "./made.ts";
import { KEY, startS3 } from "./s3-server.ts";

let folder: string;
let storage: BackupStorage;
beforeEach(async () => {
  // as somebody may call it
  folder = await mkdtemp(join(tmpdir(), "my backups of 2026 "));
  storage = folderStorage(folder);
});
afterEach(() => rm(folder, { recursive: true }));

/** What a restore looks at before it writes: "" where it would go on. */
async function refusedBy(from: BackupStorage, id: string, identity: string | null = null): Promise<string> {
  const chain = await chainOf(from, id);
  if (chain.isErr()) return chain.error;
  return (await checkChain(from, chain.value, identity)).match(
    () => "",
    (problem) => problem,
  );
}
const refused = (id: string, identity?: string) => refusedBy(storage, id, identity ?? null);
const fileOf = ({ id }: Pick<Manifest, "id">, path: string) => join(folder, id, path);
const flipped = (bytes: Buffer, at: number): Buffer => {
  const altered = Buffer.from(bytes);
  altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
  return altered;
};

/** One of the commands that need no database. */
async function command(...words: string[]) {
  const said = { out: [] as string[], err: [] as string[] };
  const io = {
    env: { BACKUP_TO: folder },
    out: (line: string) => void said.out.push(line),
    err: (line: string) => void said.err.push(line),
  };
  const code = await runCommand(["backup", ...words], io);
  return { code, out: said.out.join("\n"), err: said.err.join("\n") };
}

describe("a flipped byte", () => {
  test("anywhere in any kind of part is named with the part", async () => {
    const identity = await generateIdentity();
    const recipient = await identityToRecipient(identity);
    for (const made of [await makeBackup(storage), await makeBackup(storage, { recipient })])
      for (const { path } of made.parts) {
        const whole = await readFile(fileOf(made, path));
        for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 24)) {
          await writeFile(fileOf(made, path), flipped(whole, at));
          expect([path, at, await refused(made.id, identity)]).toEqual([path, at, expect.stringContaining(path)]);
        }
        await writeFile(fileOf(made, path), whole);
        expect(await refused(made.id, identity)).toBe("");
      }
  });

  test("in the manifest or its sum is named", async () => {
    const made = await makeBackup(storage);
    for (const [name, step] of [
      ["manifest.json", 17],
      ["manifest.sha256", 1],
    ] as const) {
      const whole = await readFile(fileOf(made, name));
      // the last is the end of the line
      for (let at = 0; at < whole.length - 1; at += step) {
        await writeFile(fileOf(made, name), flipped(whole, at));
        expect([name, at, await refused(made.id)]).toEqual([name, at, expect.stringContaining("manifest.json is alt")]);
      }
      await writeFile(fileOf(made, name), whole);
    }
    expect(await refused(made.id)).toBe("");
  });
});

describe("a part", () => {
  test("that is truncated, empty or missing is named; one that the manifest does not name is never read", async () => {
    const made = await makeBackup(storage);
    const path = made.parts[1]?.path ?? "";
    const whole = await readFile(fileOf(made, path));
    for (const length of [whole.length - 1, Math.floor(whole.length / 2), 0]) {
      await truncate(fileOf(made, path), length);
      expect(await refused(made.id)).toContain(`${path}: its sha256 is`);
    }
    await rm(fileOf(made, path));
    expect(await refused(made.id)).toContain(`${path}: the part is missing`);
    await writeFile(fileOf(made, path), whole);
    await copyFile(fileOf(made, path), fileOf(made, path.replace("/1.", "/2.")));
    expect(await refused(made.id)).toBe("");
    expect((await verifyBackup(storage, made, allCollections, null)).faults).toEqual([]);
  });

  test("of another backup, or another part of the same, in its place is named", async () => {
    const recipient = await identityToRecipient(await generateIdentity());
    const [one, other] = [await makeBackup(storage, { recipient }), await makeBackup(storage, { recipient })];
    const [first, second] = one.parts.map(({ path }) => path) as [string, string];
    await rename(fileOf(one, first), fileOf(one, "aside"));
    await rename(fileOf(other, first), fileOf(one, first));
    await rename(fileOf(one, "aside"), fileOf(other, first));
    for (const { id } of [one, other]) expect(await refused(id)).toContain(`${first}: its sha256 is`);
    await copyFile(fileOf(one, second), fileOf(one, first));
    expect(await refused(one.id)).toContain(`${first}: its sha256 is`);
    // and the whole of one under the name of the other
    await rm(join(folder, other.id), { recursive: true });
    await rename(join(folder, one.id), join(folder, other.id));
    expect(await refused(other.id)).toContain(`its manifest is that of ${one.id}`);
  });
});

describe("keys", () => {
  test("a wrong one, none, and a manifest that somebody has encrypted are named", async () => {
    const [identity, wrong] = [await generateIdentity(), await generateIdentity()];
    const recipient = await identityToRecipient(identity);
    const made = await makeBackup(storage, { recipient });
    expect(await refused(made.id, wrong)).toContain("this identity does not open it");
    expect(await refused(made.id)).toContain("no identity is given");
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    const sealed = await encrypter.encrypt(await readFile(fileOf(made, "manifest.json")));
    await writeFile(fileOf(made, "manifest.json"), sealed);
    expect(await refused(made.id, identity)).toContain("manifest.json is altered");
    await writeFile(fileOf(made, "manifest.sha256"), sumOf(sealed));
    expect(await refused(made.id, identity)).toContain("manifest.json is");
  });
});

test("a chain whose parent is gone, damaged, or was put in its place is named", async () => {
  const full = await makeBackup(storage);
  const next = await makeBackup(storage, { kind: "incremental", parent: full.id });
  const last = await makeBackup(storage, { kind: "incremental", parent: next.id });
  expect(await refused(last.id)).toBe("");
  const path = full.parts[0]?.path ?? "";
  const whole = await readFile(fileOf(full, path));
  await truncate(fileOf(full, path), 3);
  expect(await refused(last.id)).toContain(`${full.id}: ${path}`);
  await writeFile(fileOf(full, path), whole);

  await rename(join(folder, full.id), join(folder, "aside"));
  expect(await refused(last.id)).toContain(`${last.id} goes on from ${full.id} has no manifest.json`);
  const other = await makeBackup(storage);
  await rename(join(folder, other.id), join(folder, full.id));
  expect(await refused(last.id)).toContain(`its manifest is that of ${other.id}`);
});

test("a manifest that leads out of its folder is refused as it is read", async () => {
  const made = await makeBackup(storage);
  const tampered = async (change: (manifest: Manifest) => void) => {
    const manifest = structuredClone(made);
    change(manifest);
    const text = JSON.stringify(manifest);
    await writeFile(fileOf(made, "manifest.json"), text);
    await writeFile(fileOf(made, "manifest.sha256"), sumOf(text));
    return refused(made.id);
  };
  expect(await tampered(({ parts: [part] }) => void Object.assign(part ?? {}, { path: "../../etc/passwd" }))).toContain(
    "is no path in a backup",
  );
  expect(await tampered((manifest) => void Object.assign(manifest, { parent: "../x" }))).toContain("is no name");
  expect(await refused("../x")).toContain('"../x" is no name of a backup');
  expect(await refused(`${folder}/${made.id}/`)).toContain("name it as `backup list` does");
});

test("a backup of a newer schema is refused by an older version, and by a database that is behind", async () => {
  const made = await makeBackup(storage);
  const of = (revision: number) => [{ ...made, schema_revision: revision }];
  const here = (revision: number) => ({ query: async () => [{ revision }] });
  expect(await newerSchema(of(SCHEMA_REVISION + 1), here(SCHEMA_REVISION))).toContain("with the version that made it");
  expect(await newerSchema(of(SCHEMA_REVISION), here(SCHEMA_REVISION - 1))).toContain("apply the migrations first");
  expect(await newerSchema(of(SCHEMA_REVISION - 1), here(SCHEMA_REVISION))).toBeNull();
});

describe("the folder", () => {
  test("may have in it what is no backup, in its root too: a disk's lost+found, notes, another's folder", async () => {
    const made = await makeBackup(storage);
    for (const name of ["lost+found", "old ones", "Übrige"]) await mkdir(join(folder, name));
    await writeFile(join(folder, "notes.txt"), "mine");
    expect(await command("list")).toMatchObject({ code: 0, out: expect.stringContaining(made.id), err: "" });
    expect(await command("verify")).toMatchObject({ code: 0, out: `${made.id} is whole.` });
    expect(await command("prune")).toMatchObject({ code: 0 });
    expect((await readdir(folder)).sort()).toEqual(["lost+found", "old ones", "Übrige", "notes.txt", made.id].sort());
  });

  test("that is none is named by every command", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    for (const words of [["list"], ["verify"], ["prune"], ["drill"]])
      expect(await command(...words, `--to=${file}`)).toMatchObject({
        code: 1,
        err: expect.stringContaining("no folder"),
      });
  });

  test("that may not be read or written is named", async () => {
    const failing = (code: string) => () => {
      throw Object.assign(new Error(code), { code });
    };
    const locked = namingStorage({ ...storage, ids: failing("EACCES"), put: failing("EROFS") });
    await expect(listBackups(locked)).rejects.toThrow("may not be read by this user");
    await expect(makeBackup(locked)).rejects.toThrow("is on a disk that is read only");
    await expect(makeBackup(locked)).rejects.toThrow(BackupFailed);
    const none = namingStorage({ ...storage, put: failing("ENOENT") });
    await expect(makeBackup(none)).rejects.toThrow("on a disk that may be written");
  });

  test("that is full is emptied by a prune, which needs no room", async () => {
    const made = await Promise.all(
      ["26", "27", "28"].map((day) => makeBackup(storage, { now: new Date(`2026-11-${day}T06:00:00Z`) })),
    );
    const full = namingStorage({
      ...storage,
      put: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })),
    });
    await expect(makeBackup(full)).rejects.toThrow("is full: make room, as by `switchyard backup prune`");
    const retention = { daily: 1, weekly: 1, monthly: 1 };
    const { gone } = await pruneBackups(full, { retention, now: new Date("2026-11-29T06:00:00Z") });
    expect([...gone.keys()].sort()).toEqual([made[0]?.id, made[1]?.id].sort());
    expect(await readdir(folder)).toEqual([made[2]?.id]);
  });

  test("a newest one whose manifest is altered is said so, and no older one is taken for the newest", async () => {
    const old = await makeBackup(storage, { now: new Date("2026-11-28T06:00:00Z") });
    const newest = await makeBackup(storage);
    await writeFile(fileOf(newest, "manifest.json"), "{}");
    const said = (await command("list")).out;
    expect(said).toMatch(new RegExp(`${newest.id}.*NOT readable.*manifest.json is altered`));
    for (const word of ["verify", "drill"]) {
      const { code, err } = await command(word);
      expect([word, code, err]).toEqual([word, 1, expect.stringContaining(`${newest.id}: manifest.json is altered`)]);
      expect(err).toContain(`The newest one that can be read is ${old.id}`);
    }
    expect(await command("verify", old.id)).toMatchObject({ code: 0 });
    // nobody takes it away by accident, either
    expect((await command("prune")).code).toBe(0);
    expect(await readdir(folder)).toContain(newest.id);
  });
});

describe("at the same time", () => {
  test("two that are made, and a prune, do not disturb each other", async () => {
    const now = new Date();
    const [one, other] = await Promise.all([
      makeBackup(storage, { now }),
      makeBackup(storage, { now }),
      pruneBackups(storage, { now }),
    ]);
    expect(one.id).not.toBe(other.id);
    for (const made of [one, other]) {
      expect(await refused(made.id)).toBe("");
      expect((await verifyBackup(storage, made, allCollections, null)).faults).toEqual([]);
    }
  });

  test("a prune whose clock is a day ahead: what it took apart is never a backup", async () => {
    const now = new Date("2026-11-29T06:00:00Z");
    for (const [at, ahead] of [
      ["incomes", 2],
      ["manifest.json", 2],
    ] as const) {
      const disturbed: BackupStorage = {
        ...storage,
        async put(path, bytes) {
          if (path.includes(at)) await pruneBackups(storage, { now: new Date(now.getTime() + ahead * 86_400_000) });
          await storage.put(path, bytes);
        },
      };
      await expect(makeBackup(disturbed, { now })).rejects.toThrow("was taken away while the rest was written");
      expect([...(await listBackups(storage)).values()].filter((one) => one !== null)).toEqual([]);
    }
  });

  test("a prune whose clock was set back takes nothing that it would not", async () => {
    const made = await makeBackup(storage);
    await mkdir(join(folder, "2026-11-29T06-00-00-000Z-abcdef"));
    await writeFile(join(folder, "2026-11-29T06-00-00-000Z-abcdef", "part"), "");
    const { gone, kept } = await pruneBackups(storage, { now: new Date("2001-01-01T00:00:00Z") });
    expect([[...gone.keys()], kept.size]).toEqual([[], 2]);
    expect(await refused(made.id)).toBe("");
  });
});

describe("a bucket", () => {
  const SIX = Array.from({ length: 6 });
  test.each([
    ["that answers 500 for good", SIX.map(() => 500), "does not take"],
    ["that is silent", SIX.map(() => "silence" as const), "cannot be reached"],
    ["whose key expires midway", ["expired" as const], "the key has expired"],
  ])("%s: a backup into it, and one out of it, end by name", async (_, troubles, sentence) => {
    const s3 = await startS3("vault");
    try {
      const given = { bucket: "vault", prefix: "", endpoint: s3.endpoint, waitMs: 1, ...KEY };
      const bucket = s3Storage({ ...given, requestMs: 300 });
      let puts = 0;
      const midway: BackupStorage = {
        ...bucket,
        put: (path, bytes) => {
          if (++puts === 2) s3.troubles.push(...troubles);
          return bucket.put(path, bytes);
        },
      };
      await expect(makeBackup(midway)).rejects.toThrow(sentence);
      // one that was given up may not have come as far as the server
      s3.troubles.length = 0;
      expect([...(await listBackups(bucket)).values()]).toEqual([null]);
      const whole = await makeBackup(bucket);
      expect(await refusedBy(bucket, whole.id)).toBe("");
      if (sentence === "cannot be reached") return;
      s3.troubles.push(...troubles);
      await expect(refusedBy(bucket, whole.id)).rejects.toThrow(sentence);
    } finally {
      await s3.stop();
    }
  });

  test("that gives half of a part as if it were all, and of a manifest, is named", async () => {
    const s3 = await startS3("vault");
    try {
      const bucket = s3Storage({ bucket: "vault", prefix: "", endpoint: s3.endpoint, waitMs: 1, ...KEY });
      const made = await makeBackup(bucket);
      s3.troubles.push("short");
      expect((await readManifest(bucket, made.id))._unsafeUnwrapErr()).toContain("manifest.json is altered");
      s3.troubles.push("short");
      expect((await checkChain(bucket, [made], null))._unsafeUnwrapErr()).toContain(made.parts[0]?.path);
      expect(await refusedBy(bucket, made.id)).toBe("");
    } finally {
      await s3.stop();
    }
  });
});
