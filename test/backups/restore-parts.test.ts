/** Parts of a backup into the system that it is of, while that goes on: what is missing, changed and deleted since, and who left. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { UUID } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import type { Caller } from "../attack/caller.ts";
import { type MovingSystem, startMovingSystem } from "../moves/system.ts";
import type { TestUser } from "../setup/users.ts";
import { backUp, commandOn, type Filled, fill, restoreInto, signedIn } from "./filled.ts";

const HOMES = ["supabase", "mongodb"] as const;

let system: MovingSystem;
let folder: string;
let filled: Filled;
let id: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parts-"));
  system = await startMovingSystem("restore_parts");
  filled = await fill(system);
  ({ id } = await backUp(system, folder));
});
afterAll(async () => {
  await system?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const userOf = (home: string) => filled.users.get(home) as TestUser<string>;
const callerOf = (home: string): Caller => system.callerOf(userOf(home));

/** As if the database had lost it: nothing is left that says it was deleted. */
async function lose(home: string, collection: string, record: string): Promise<void> {
  const user = userOf(home).id;
  if (home === "supabase")
    await system.control.sql(`do $$ begin
      perform set_config('switchyard.applying', (select secret from switchyard.apply_secret), true);
      delete from public.${collection} where user_id = '${user}' and id = '${record}';
    end $$`);
  else {
    const url = system.env.MONGODB_URI ?? "";
    const client = createMongoClient(url, { appName: "test" });
    const _id = { user_id: new UUID(user), id: new UUID(record) };
    await client
      .db(databaseName(url))
      .collection(collection)
      .deleteOne({ _id } as never);
    await client.close();
  }
}
const restore = (home: string, ...options: string[]) =>
  restoreInto(system, folder, id, `--user=${userOf(home).email}`, ...options);

describe.each(HOMES)("of a user at home in %s", (home) => {
  test("what is missing comes back as it was; what was changed or deleted since stays", async () => {
    const call = callerOf(home);
    const [contact] = (await call("GET", "/contacts")).body.items;
    await lose(home, "contacts", contact.id);
    expect((await call("GET", `/contacts/${contact.id}`)).status).toBe(404);
    const expense = filled.keyed.get(home)?.id ?? "";
    const changed = (await call("PATCH", `/expenses/${expense}`, { amount: "77" })).body;
    const fresh = (await call("POST", "/contacts", { name: "Fresh" })).body;

    const planned = await commandOn(system, "backup", "restore", id, `--to=${folder}`, `--user=${userOf(home).id}`);
    expect(planned).toMatchObject({ code: 0, err: "" });
    expect((await call("GET", `/contacts/${contact.id}`)).status).toBe(404);

    const { collections, accounts } = await restore(home);
    expect(accounts).toMatchObject({ living: 1, made: 0 });
    expect(collections.contacts).toEqual({ missing: 1 });
    expect(collections.expenses).toEqual({ newer: 1, same: 1 });
    expect((await call("GET", `/contacts/${contact.id}`)).body).toEqual(contact);
    expect((await call("GET", `/expenses/${expense}`)).body).toEqual(changed);
    expect((await call("GET", `/contacts/${fresh.id}`)).body).toEqual(fresh);
    expect((await restore(home)).collections.contacts).toEqual({ same: 1 });
  });

  test("--overwrite writes the old contents as a new version, once", async () => {
    const call = callerOf(home);
    const path = `/expenses/${filled.keyed.get(home)?.id}`;
    const before = await call("GET", path);
    expect(before.body.amount).toBe("77.00");
    expect((await restore(home, "--collection=expenses", "--overwrite")).collections.expenses).toMatchObject({
      renewed: 1,
    });
    const after = await call("GET", path);
    expect(after.body.amount).toBe("13.00");
    expect(after.body.version).toBeGreaterThan(before.body.version);
    const late = await call("PATCH", path, { amount: "1" }, { "if-match": before.headers.get("etag") ?? "" });
    expect(late.status).toBe(412);
    expect((await restore(home, "--collection=expenses", "--overwrite")).collections.expenses).toEqual({ same: 2 });
    expect((await call("GET", path)).body).toEqual(after.body);
  });

  test("--undelete brings back what was deleted since, as a new version", async () => {
    const call = callerOf(home);
    const [category] = (await call("GET", "/categories")).body.items;
    const path = `/expenses/${filled.keyed.get(home)?.id}`;
    expect((await call("DELETE", path)).status).toBe(204);
    expect((await call("DELETE", `/categories/${category.id}`)).status).toBe(204);
    expect((await restore(home)).collections).toMatchObject({ categories: { deleted: 1 }, expenses: { deleted: 1 } });
    expect((await call("GET", path)).status).toBe(404);

    // the expense refers to the category: without it, it is not taken
    const alone = await commandOn(
      ...([system, "backup", "restore", id, `--to=${folder}`, `--user=${userOf(home).id}`] as const),
      ...["--collection=expenses", "--undelete", "--yes"],
    );
    expect(alone).toMatchObject({ code: 1, err: expect.stringContaining("1 were refused") });
    expect((await call("GET", path)).status).toBe(404);

    expect((await restore(home, "--undelete")).collections).toMatchObject({ categories: { renewed: 1 } });
    expect((await call("GET", `/categories/${category.id}`)).body.version).toBeGreaterThan(category.version);
    expect((await call("GET", path)).body).toMatchObject({ amount: "13.00", category_id: category.id });
  });
});

test("records that are copied come back to their primary, and the copy follows", async () => {
  const call = callerOf("supabase");
  const [customer] = (await call("GET", "/customers")).body.items;
  await call("PATCH", `/customers/${customer.id}`, { name: "Another" });
  const { collections } = await restore("supabase", "--collection=customers", "--overwrite");
  expect(collections.customers).toMatchObject({ renewed: 1 });
  expect(await commandOn(system, "replication", "backfill")).toMatchObject({ code: 0 });
  expect(await commandOn(system, "replication", "verify", "--deep")).toMatchObject({ code: 0 });
  expect((await call("GET", `/customers/${customer.id}`)).body.name).toBe("Ann");
});

describe("of a user who has left", () => {
  test.each(HOMES)("at home in %s: refused without their account, and with it everything is there", async (home) => {
    const { email, id: user } = userOf(home);
    const { url, secretKey } = system.control;
    const service = createClient(url, secretKey, { auth: { persistSession: false } });
    // the books keep whoever has money
    await system.control.sql(`update public.ledger_owners set user_id = null where user_id = '${user}'`);
    expect((await service.auth.admin.deleteUser(user)).error).toBeNull();
    for (const database of system.registry.values()) await database.system.purge(user);

    const refused = await commandOn(system, "backup", "restore", id, `--to=${folder}`, `--user=${user}`, "--yes");
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("--with-account") });
    const { accounts } = await restore(home, "--with-account");
    expect(accounts.made).toBe(1);
    const call = await signedIn(system, email);
    expect((await call("GET", "/contacts")).body.items).toHaveLength(1);
    expect((await call("GET", "/preferences")).body).toMatchObject({ language: "de" });
    const [found] = await system.control.sql(
      `select database_provider as home from public.user_database_assignments where user_id = '${user}'`,
    );
    expect(found).toEqual({ home });
    expect(await system.control.sql(`select from switchyard.purges where user_id = '${user}'`)).toEqual([]);
  });
});
