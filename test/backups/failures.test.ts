/** What drivers and disks say becomes a sentence that names the fix. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoServerError } from "mongodb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { naming, namingPlace } from "../../shared/backups/failures.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import { mongoSource } from "../../shared/backups/mongo-source.ts";
import { storageAt } from "../../shared/backups/place.ts";
import { postgresSource } from "../../shared/backups/postgres-source.ts";
import { loadBackupConfig } from "../../shared/config.ts";
import { makeBackup } from "./made.ts";

let folder: string;
let closing: Server | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "backups-"));
});
afterEach(async () => {
  closing?.close();
  closing = undefined;
  await rm(folder, { recursive: true });
});

const failing = (database: string, error: unknown) => naming(database, () => Promise.reject(error));

/** Takes connections, and ends them. */
async function hangingUp(): Promise<number> {
  closing = createServer((socket) => void socket.on("error", () => undefined).destroy());
  await new Promise<void>((resolve) => closing?.listen(0, "127.0.0.1", resolve));
  return (closing.address() as AddressInfo).port;
}

test("servers that are not there, or hang up", async () => {
  const nobody = await hangingUp();
  await new Promise((resolve) => closing?.close(resolve));
  const away = naming("supabase", () => postgresSource(`postgres://127.0.0.1:${nobody}/x`));
  await expect(away).rejects.toThrow("Supabase cannot be reached by DATABASE_URL");
  await expect(naming("mongodb", () => mongoSource(`mongodb://127.0.0.1:${nobody}`, "x", 100))).rejects.toThrow(
    "MongoDB cannot be reached by MONGODB_URI",
  );
  const port = await hangingUp();
  const lost = naming("neon", () => postgresSource(`postgres://127.0.0.1:${port}/x`));
  await expect(lost).rejects.toThrow('The connection to "neon" was lost');
});

test("wrong passwords, missing rights, and a snapshot that is forgotten", async () => {
  const said = (error: unknown, database = "mongodb") => expect(failing(database, error)).rejects;
  await said({ code: "28P01" }, "supabase").toThrow("refuses the user or the password in DATABASE_URL");
  await said(new MongoServerError({ code: 18, message: "Authentication failed." })).toThrow(
    "the password in MONGODB_URI",
  );
  await said(Object.assign(new Error("permission denied"), { code: "42501" }), "neon").toThrow(
    "use the owner of the database",
  );
  await said(new MongoServerError({ code: 239, message: "too old" })).toThrow("minSnapshotHistoryWindowInSeconds");
  await said({ code: "57P01" }, "supabase").toThrow("The connection to Supabase was lost on the way");
  // what nobody has foreseen stays what it is
  const bug = new TypeError("x is not a function");
  await said(bug).toBe(bug);
});

test("a folder that is full, or none, or not ours", async () => {
  const full = {
    ...folderStorage(folder),
    put: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })),
  };
  await expect(makeBackup(full)).rejects.toThrow("is full: make room");
  await writeFile(join(folder, "file"), "");
  await expect(makeBackup(folderStorage(join(folder, "file")))).rejects.toThrow("is no folder");
  const locked = Object.assign(new Error("not ours"), { code: "EACCES" });
  await expect(namingPlace("/x", () => Promise.reject(locked))).rejects.toThrow("/x may not be written by this user");
});

test("places that are none", () => {
  const at = (place: string, env = {}) => storageAt(place, loadBackupConfig(env)).map((storage) => storage.place);
  expect(at("https://x")._unsafeUnwrapErr()).toContain("no place for backups");
  expect(at("s3://vault/x")._unsafeUnwrapErr()).toContain("AWS_ACCESS_KEY_ID");
  const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
  expect(at("s3://vault/in/here/", keys)._unsafeUnwrap()).toBe("s3://vault/in/here");
  expect(at("s3://Vault", keys).isErr()).toBe(true);
  expect(at(folder)._unsafeUnwrap()).toBe(folder);
});
