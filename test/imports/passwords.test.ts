/** Who comes with a hash of their password signs in with that password; which hashes come, Supabase Auth says. */
import type { Document } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Legacy, legacyUser, MAP, startLegacy } from "./legacy.ts";
import { type ImportingSystem, startImportingSystem } from "./system.ts";

/** Of the algorithms' own test vectors and Supabase Auth's: nothing here has made them. */
const KEPT = [
  ["bcrypt 2a", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["bcrypt 2b", "U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["bcrypt 2y", "rasmuslerdorf", "$2y$10$.vGA1O9wmRjrwAVXD98HNOgsNpDczlqm3Jq7KnEd1rVAGv3Fykk1a"],
  ["argon2i", "password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"],
  ["argon2id", "password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"],
  ["argon2i, short", "test", "$argon2i$v=19$m=16,t=2,p=1$bGJRWThNOHJJTVBSdHl2dQ$NfEnUOuUpb7F2fQkgFUG4g"],
  [
    "argon2id of 64 MiB",
    "password",
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  ],
] as const;

const SALT = "bGJRWThNOHJJTVBSdHl2dQ";
const HASH = "NfEnUOuUpb7F2fQkgFUG4g";
/** What Supabase Auth does not take. */
const REFUSED = [
  ["argon2d", `$argon2d$v=19$m=16,t=2,p=1$${SALT}$${HASH}`],
  ["version 16", `$argon2id$v=16$m=16,t=2,p=1$${SALT}$${HASH}`],
  ["no version", `$argon2id$m=16,t=2,p=1$${SALT}$${HASH}`],
  ["other order", `$argon2id$v=19$t=2,m=16,p=1$${SALT}$${HASH}`],
  ["data", `$argon2id$v=19$m=16,t=2,p=1,data=abc$${SALT}$${HASH}`],
  ["keyid", `$argon2id$v=19$m=16,t=2,p=1,keyid=abc$${SALT}$${HASH}`],
  ["more than 1 GiB", `$argon2id$v=19$m=1048577,t=2,p=1$${SALT}$${HASH}`],
  ["more than 20 passes", `$argon2id$v=19$m=16,t=21,p=1$${SALT}$${HASH}`],
  ["more than 16 lanes", `$argon2id$v=19$m=256,t=2,p=17$${SALT}$${HASH}`],
  ["salt no base64", `$argon2id$v=19$m=16,t=2,p=1$!!!$${HASH}`],
  ["hash no base64", `$argon2id$v=19$m=16,t=2,p=1$${SALT}$!!!`],
  ["padded", `$argon2id$v=19$m=16,t=2,p=1$${SALT}==$${HASH}==`],
  ["URL's base64", `$argon2id$v=19$m=16,t=2,p=1$${SALT}$-_EnUOuUpb7F2fQkgFUG4g`],
  ["cut", `$argon2id$v=19$m=16,t=2,p=1$${SALT}$NfEnU`],
  ["no salt", `$argon2id$v=19$m=16,t=2,p=1$$${HASH}`],
  ["no hash", `$argon2id$v=19$m=16,t=2,p=1$${SALT}$`],
  ["bcrypt of no cost", "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["bcrypt of too much", "$2b$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["bcrypt, cut", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRG"],
  ["scrypt of PHC", `$scrypt$ln=17,r=8,p=1$${SALT}$${HASH}`],
  ["plain", "correct horse battery staple"],
] as const;
/** What it takes, and then fails to check, or has no room for. */
const USELESS = [
  ["no passes", `$argon2id$v=19$m=16,t=0,p=1$${SALT}$${HASH}`],
  ["no lanes", `$argon2id$v=19$m=16,t=2,p=0$${SALT}$${HASH}`],
  ["too long", `$argon2id$v=19$m=16,t=2,p=1$${SALT}$${"A".repeat(240)}`],
] as const;

let system: ImportingSystem;
let legacy: Legacy;
// biome-ignore lint/suspicious/noExplicitAny: any JSON
let said: any;
const users = new Map<string, Document>();
const addressOf = (name: string) => `${name.toLowerCase().replaceAll(/[^a-z0-9]/g, "-")}@hashes.test`;

beforeAll(async () => {
  [system, legacy] = await Promise.all([startImportingSystem("hashes"), startLegacy("legacy_hashes")]);
  for (const [name, , hash] of KEPT) users.set(name, legacyUser(addressOf(name), hash));
  for (const [name, hash] of [...REFUSED, ...USELESS]) users.set(name, legacyUser(addressOf(name), hash));
  await legacy.db.collection("users").insertMany([...users.values()]);
  for (const name of ["wallets", "transactions"]) await legacy.db.createCollection(name);
  said = await system.runJson(`--from=${legacy.uri}`, `--map=${MAP}`);
});
afterAll(async () => {
  await legacy?.stop();
  await system?.stop();
});

test.each(KEPT)("%s: the old password signs in, and no other one", async (name, password) => {
  await expect(system.signIn(addressOf(name), `${password}x`)).rejects.toMatchObject({ code: "invalid_credentials" });
  const call = await system.signIn(addressOf(name), password);
  expect((await call("GET", "/expenses")).status).toBe(200);
});

test("who has another hash comes without a password, and each is told of", async () => {
  const without = [...REFUSED, ...USELESS].map(([name]) => name);
  expect(said).toMatchObject({ imported: users.size, failed: 0, verified: { is_verified: true } });
  const reason = expect.stringMatching(/sets a new password/);
  expect(said.findings).toMatchObject([
    { from: "users", field: "passwordHash", isNote: true, count: without.length, reason },
  ]);
  expect(JSON.stringify(said)).not.toContain(HASH);
  const kept = await system.control.sql<{ email: string; hash: string | null }>(
    "select email, encrypted_password as hash from auth.users where encrypted_password like '$%' order by email",
  );
  expect(kept.map(({ hash }) => hash).sort()).toEqual(KEPT.map(([, , hash]) => hash).sort());
});

describe("Auth's stand-in in development, asked itself", () => {
  const create = (hash: string, name: string) =>
    system.service.auth.admin.createUser({ email: addressOf(`own ${name}`), email_confirm: true, password_hash: hash });

  test.each(REFUSED)("refuses as Auth does: %s", async (name, hash) => {
    expect((await create(hash, name)).error).toMatchObject({ status: 500, message: "Error creating user" });
  });

  test.each(USELESS.slice(0, 2))("takes as Auth does, and fails at the sign-in: %s", async (name, hash) => {
    expect((await create(hash, name)).error).toBeNull();
    await expect(system.signIn(addressOf(`own ${name}`), "test")).rejects.toMatchObject({ status: 500 });
  });
});
