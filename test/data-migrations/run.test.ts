/** A migration goes over every home, by the ordinary way of writes; and what stands against it is said. */

import { err } from "neverthrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import { unavailable } from "../../shared/contract/errors.ts";
import { checkDataMigration } from "../../shared/data-migrations/check.ts";
import { defineDataMigration } from "../../shared/definition/data-migration.ts";
import type { TestUser } from "../setup/users.ts";
import { isMarked, marking } from "./marking.ts";
import { type Contact, fileOf, type MigratingSystem, startMigratingSystem } from "./system.ts";

let system: MigratingSystem;
const users = new Map<string, TestUser<string>>();
beforeAll(async () => {
  system = await startMigratingSystem("migrating");
  for (const home of system.homes) users.set(home, await system.userWith(home, ["a", null, "c", "d", "e"]));
});
afterAll(() => system?.stop());

const everybody = async (): Promise<Map<string, Contact[]>> => {
  const all = new Map<string, Contact[]>();
  for (const [home, user] of users) all.set(home, await system.contactsOf(user));
  return all;
};
const contents = (all: Map<string, Contact[]>) =>
  [...all].map(([home, list]) => [home, list.map(({ version: _, updated_at: __, ...rest }) => rest)]);

test("up changes every record of every home once, with a new version; down brings back what there was", async () => {
  const before = await everybody();
  const file = fileOf(marking);
  const seen: number[] = [];
  const done = await system.run(file, { onProgress: ({ read }) => seen.push(read) });
  const records = users.size * 5;
  expect(done._unsafeUnwrap()).toEqual({ changed: users.size * 4, read: records, passes: 2 });
  expect(seen.filter((read) => read === records)).toHaveLength(2);
  const after = await everybody();
  for (const [home, list] of after) {
    expect([home, list.every(isMarked), list.length]).toEqual([home, true, 5]);
    for (const [at, contact] of list.entries()) {
      const was = before.get(home)?.[at] as Contact;
      expect([home, contact.id, contact.version > was.version]).toEqual([home, was.id, was.note !== null]);
      expect(contact.updated_at >= was.updated_at).toBe(true);
    }
  }
  const [listed] = (await system.migrations.list())._unsafeUnwrap();
  expect(listed).toMatchObject({ name: file.name, state: "done", holder: null, is_held: false, last_error: null });
  // found by what it says now
  const [user] = users.values();
  const found = await system.callerOf(user as TestUser<string>)("GET", "/contacts?q=new:%20a");
  expect(found.body.items).toHaveLength(1);

  // it is not run again
  expect((await system.run(file))._unsafeUnwrapErr().message).toBe(`${file.name} is done already.`);

  expect((await system.run(file, { direction: "down" }))._unsafeUnwrap().changed).toBe(users.size * 4);
  expect(contents(await everybody())).toEqual(contents(before));
  expect((await system.run(file, { direction: "down" }))._unsafeUnwrapErr().message).toMatch(/not done/);
  expect((await system.migrations.list())._unsafeUnwrap()[0]?.state).toBe("reverted");
});

test("whoever goes on after another one has died begins behind the last batch that was written down", async () => {
  const file = fileOf(marking);
  class Died extends Error {}
  let recorded = 0;
  const dying = system.run(file, {
    onPoint: (point) => {
      if (point === "recorded" && ++recorded === 4) throw new Died();
    },
  });
  await expect(dying).rejects.toThrow(Died);
  await system.leaseEnds();
  const [row] = (await system.migrations.list())._unsafeUnwrap().filter(({ name }) => name === file.name);
  expect(row?.progress).toMatchObject({ pass: 1, through: [[...system.homes].sort()[0]], read: expect.any(Number) });
  const reads: number[] = [];
  const done = await system.run(file, { onProgress: ({ pass, read }) => pass === 1 && reads.push(read) });
  expect(reads[0]).toBeGreaterThan(row?.progress.read ?? 0);
  expect(reads.at(-1)).toBe(users.size * 5);
  expect(done._unsafeUnwrap()).toEqual({ changed: users.size * 4, read: users.size * 5, passes: 2 });
  // of another file of that name nothing is gone on with
  const down: number[] = [];
  await system.run({ ...file, checksum: "2" }, { direction: "down", onProgress: ({ read }) => down.push(read) });
  expect(down[0]).toBeLessThanOrEqual(2);
});

const onContacts = defineDataMigration;

test("without writing, it says how many would change and which do not fit, with the reason; and a run refuses those alone", async () => {
  const [first, second] = await system.contactsOf(users.get("supabase") as TestUser<string>);
  const [third] = await system.contactsOf(users.get("mongodb") as TestUser<string>);
  const bad = new Map([
    [first?.id, "up gives what the collection does not take: email"],
    [second?.id, "before: not this one"],
    [third?.id, "up of its own result changes note again"],
  ]);
  const migration = onContacts({
    collection: contacts,
    up(record) {
      if (record.id === first?.id) return { email: "no address" };
      if (record.id === third?.id) return { note: `${record.note}!` };
      return record.phone === null ? { phone: "+1" } : null;
    },
    before: ({ id }) => (id === second?.id ? "not this one" : null),
  });
  const before = contents(await everybody());
  const databases = await system.databasesOf(contacts);
  const looked = (
    await checkDataMigration({ migration: migration as never, direction: "up", databases })
  )._unsafeUnwrap();
  expect(looked).toMatchObject({ read: users.size * 5, changing: users.size * 5 - 3, misfits: 3, isAll: true });
  for (const { id, reason } of looked.first) expect(reason).toContain(bad.get(id));
  expect(contents(await everybody())).toEqual(before);

  const file = fileOf(migration);
  const refused = (await system.run(file))._unsafeUnwrapErr();
  expect(refused.code).toBe("invalid_input");
  for (const [id, reason] of bad) expect(refused.message).toMatch(new RegExp(`${id} \\(\\w+\\): ${reason}`));
  const after = [...(await everybody()).values()].flat() as (Contact & { phone: string | null })[];
  expect(
    after
      .filter(({ phone }) => phone === null)
      .map(({ id }) => id)
      .sort(),
  ).toEqual([...bad.keys()].sort());
  const listed = (await system.migrations.list())._unsafeUnwrap().find(({ name }) => name === file.name);
  expect(listed).toMatchObject({ state: "running", is_held: false, last_error: refused.message });

  // mended, it goes on
  const mended = { ...migration, up: ({ phone }: { phone: unknown }) => (phone === null ? { phone: "+1" } : null) };
  const { before: _, ...unlooked } = mended;
  const done = await system.run({ ...file, checksum: "2", migration: unlooked as never });
  expect(done._unsafeUnwrap().changed).toBe(3);
});

test("what the database refuses is a record that does not fit; what after finds, too", async () => {
  const [one] = await system.contactsOf(users.get("supabase") as TestUser<string>);
  const found = await system.run(
    fileOf(
      onContacts({
        collection: contacts,
        up: () => null,
        after: ({ id }) => (id === one?.id ? "it is as it was" : null),
      }),
    ),
  );
  expect(found._unsafeUnwrapErr().message).toContain(`${one?.id} (supabase): after: it is as it was`);

  await system.control.sql("alter table public.contacts add constraint test_refused check (phone <> '+666') not valid");
  const up = ({ id, phone }: { id: string; phone: string | null }) =>
    id === one?.id && phone !== "+666" ? { phone: "+666" } : null;
  const refused = await system.run(fileOf(onContacts({ collection: contacts, up })));
  await system.control.sql("alter table public.contacts drop constraint test_refused");
  expect(refused._unsafeUnwrapErr().message).toMatch(new RegExp(`${one?.id} \\(supabase\\): .*test_refused`));
});

test("what a function does to the record itself is no change, and one that throws is named", async () => {
  const migration = onContacts({
    collection: contacts,
    up(record) {
      (record as { note: string | null }).note = "by the way";
      return null;
    },
  });
  const databases = await system.databasesOf(contacts);
  const looked = (
    await checkDataMigration({ migration: migration as never, direction: "up", databases })
  )._unsafeUnwrap();
  expect(looked.misfits).toBe(looked.read);
  expect(looked.first[0]?.reason).toMatch(/^up threw: /);
});

test("a lease that was given back by a call whose answer was lost is not a lost one", async () => {
  const file = fileOf(onContacts({ collection: contacts, up: () => null }));
  let isLost = false;
  const finish: typeof system.migrations.finish = async (...given) => {
    const answer = await system.migrations.finish(...given);
    if (isLost) return answer;
    isLost = true;
    return err(unavailable("Supabase does not answer."));
  };
  const ran = await system.run(file, { control: { ...system.migrations, finish }, wait: async () => undefined });
  expect([isLost, ran.isOk()]).toEqual([true, true]);
  const row = (await system.migrations.list())._unsafeUnwrap().find(({ name }) => name === file.name);
  expect(row).toMatchObject({ state: "done", is_held: false, last_error: null });
});
