/** Users write, and move from one home to another, while a migration goes over them. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { contacts } from "../../shared/collections/contacts.ts";
import type { Progress } from "../../shared/data-migrations/progress.ts";
import { defineDataMigration } from "../../shared/definition/data-migration.ts";
import { contactsOf, keepWriting, type Send } from "../moves/writers.ts";
import { PATIENT } from "../setup/patience.ts";
import type { TestUser } from "../setup/users.ts";
import { isMarked, marking } from "./marking.ts";
import { fileOf, type MigratingSystem, startMigratingSystem } from "./system.ts";

let system: MigratingSystem;
beforeAll(async () => {
  system = await startMigratingSystem("meanwhile");
});
afterAll(() => system?.stop());

const isOfOldShape = async (user: TestUser<string>) =>
  (await system.contactsOf(user)).filter((each) => !isMarked(each));

test("a user who goes to a home that was done, from one that was not, is not forgotten", async () => {
  // the only one with something to change: so no other pass is made but for the move
  const user = await system.userWith("supabase", ["a", "b", "c"]);
  const [first] = [...system.homes].sort();
  let isMoved = false;
  let progress: Progress | undefined;
  const ran = await system.run(fileOf(marking), {
    onProgress: (now) => {
      progress = now;
    },
    onPoint: async (point) => {
      if (point !== "recorded" || isMoved || !progress?.through.includes(first ?? "")) return;
      isMoved = true;
      expect((await system.move(user.id, first ?? "")).state).toBe("kept");
    },
  });
  expect(isMoved).toBe(true);
  expect(await isOfOldShape(user)).toEqual([]);
  expect(ran._unsafeUnwrap()).toMatchObject({ changed: 3, passes: 3 });
  // what was kept in the old home is as it was at the switch
  const old = await system.registry.get("supabase")?.copy();
  const [entry] = (await old?.manifest(user.id, contacts, null, 1)) ?? [];
  const { rows = [] } = (await old?.read(user.id, contacts, [entry?.id ?? ""])) ?? {};
  expect(rows.map(({ record }) => isMarked(record as { note: string }))).toEqual([false]);
});

test.each([
  ["supabase", "mongodb"],
  ["mongodb", "supabase"],
] as const)(
  "a user who is paused on the way from %s to %s is left for later, and done in the new home",
  async (from, to) => {
    const user = await system.userWith(from, ["a", "b", "c"]);
    let running: ReturnType<MigratingSystem["run"]> | undefined;
    let progress: Progress | undefined;
    const passes: number[] = [];
    const moved = await system.move(user.id, to, {
      pauseMs: 3_600_000,
      leaseSeconds: 3_600,
      onPoint: async (point) => {
        if (point !== "sealed" || running) return;
        running = system.run(fileOf(marking), {
          onProgress: (now) => {
            progress = { ...now };
            if (now.left > 0) passes.push(now.pass);
          },
          // nobody is waited for: passes go on until the move is through
          wait: async () => undefined,
          mostPasses: 1_000_000,
        });
        await vi.waitUntil(() => passes.includes(2), PATIENT);
      },
    });
    expect([moved.state, moved.last_error]).toEqual(["kept", null]);
    expect((await running)?._unsafeUnwrap().changed).toBe(3);
    expect(progress?.left).toBe(0);
    expect(await isOfOldShape(user)).toEqual([]);
    expect(await system.contactsOf(user)).toHaveLength(3);
  },
);

test("where records go on coming in the old shape, it ends after so many passes, and says so", async () => {
  const user = await system.userWith("mongodb", ["a"]);
  const call = system.callerOf(user);
  const ran = await system.run(fileOf(marking), {
    mostPasses: 3,
    onPoint: async (point) => {
      if (point === "passed") await call("POST", "/contacts", { name: "Late", note: "old" });
    },
  });
  expect(ran._unsafeUnwrapErr().message).toMatch(
    /^After 3 passes there are still records to change: the last one has changed 1/,
  );
});

test("users in every home write all the time: no write is lost, and in the end every record is in the new shape", async () => {
  const phoned = defineDataMigration({
    collection: contacts,
    up: ({ phone }) => (phone === null ? { phone: "+1" } : null),
    batchSize: 10,
  });
  const users = await Promise.all(system.homes.map((home) => system.user(home)));
  const sends = users.map((user): Send => {
    const call = system.callerOf(user);
    return async (method, path, body, headers) => {
      const { status, body: said } = await call(method, path, body, headers);
      return { status, body: said, retryAfter: status === 503 ? "1" : null };
    };
  });
  const writers = sends.map((send) => keepWriting([send], 50));
  let stopped: Promise<unknown> | undefined;
  let written: Awaited<ReturnType<(typeof writers)[number]["stop"]>>[] = [];
  const stop = async () => {
    written = await Promise.all(writers.map((writer) => writer.stop()));
  };
  await vi.waitUntil(async () => (await contactsOf(sends[0] as Send)).size > 2, PATIENT);
  const ran = await system.run(fileOf(phoned), {
    wait: async () => undefined,
    mostPasses: 1_000_000,
    // they write in the old shape: until they end, there is always something to do
    onProgress: ({ pass }) => {
      if (pass >= 3) stopped ??= stop();
    },
  });
  await stopped;
  expect(ran._unsafeUnwrap().passes).toBeGreaterThan(3);
  for (const [at, send] of sends.entries()) {
    expect(written[at]?.odd).toEqual([]);
    expect(await contactsOf(send)).toEqual(written[at]?.there);
    const { items } = (await send("GET", "/contacts?limit=200")).body;
    expect(items.filter(({ phone }: { phone: string | null }) => phone !== "+1")).toEqual([]);
  }
});
