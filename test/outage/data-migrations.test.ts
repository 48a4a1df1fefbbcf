/**
 * Either database killed or silent while a migration goes over all of them: the run ends with a sentence that says where it was,
 * and once the database is back the same command leaves what an undisturbed run does.
 */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { readDataMigrations } from "../../scripts/data-migration-files.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";
import type { Direction } from "../../shared/data-migrations/change.ts";
import { createDataMigrationsControl } from "../../shared/data-migrations/control.ts";
import { databasesOf } from "../../shared/data-migrations/databases.ts";
import type { LoadedMigration, RunOptions, RunPoint } from "../../shared/data-migrations/run.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { type Contact, type MigratingSystem, startMigratingSystem } from "../data-migrations/system.ts";
import type { Home, TestUser } from "../setup/users.ts";
import { control } from "./servers.ts";
import { scaled, scaledDeadlines } from "./speed.ts";
import { HOMES } from "./system.ts";

const FILES = fileURLToPath(new URL("../servers/data-migration-files/", import.meta.url));
const FAULTS = { kill: "start", pause: "resume" } as const;
type Fault = keyof typeof FAULTS;

let system: MigratingSystem;
let file: LoadedMigration;
const users: TestUser<string>[] = [];
let undisturbed: Readonly<Record<Direction, unknown>>;
/** As commands have them: every call has its deadline. */
let bounded: Pick<RunOptions, "control" | "databases">;
let bringBack = async (): Promise<void> => {};
let close = async (): Promise<void> => {};

const everything = async (): Promise<Contact[]> => (await Promise.all(users.map(system.contactsOf))).flat();
const contents = (all: readonly Contact[]) => all.map(({ version: _, updated_at: __, ...rest }) => rest);
const states = async () => (await system.migrations.list())._unsafeUnwrap().map((row) => [row.state, row.is_held]);

async function takeAway(victim: Home, fault: Fault): Promise<void> {
  bringBack = async () => {
    bringBack = async () => {};
    await control(FAULTS[fault], victim);
  };
  await control(fault, victim);
}

/** As an operator does it. */
async function command(direction: Direction) {
  const out: string[] = [];
  const io = { env: system.env, out: (line: string) => out.push(line), err: (line: string) => out.push(line) };
  const words = ["migrate", direction, ...(direction === "down" ? ["--last"] : []), `--folder=${FILES}`];
  return { code: await runCommand(words, io), said: out.join("\n") };
}

beforeAll(async () => {
  system = await startMigratingSystem("outageruns", scaledDeadlines);
  file = (await readDataMigrations(FILES))[0] as LoadedMigration;
  const config = loadFunctionConfig(system.env);
  const deadlines = deadlinesOf(config);
  // each try of a call to what is silent takes as long: shorter than a command's, or this would take many minutes
  const service = serviceClient(config, { timeoutMs: scaled(1_000) });
  const registry = createRegistry({ config, service, deadlines, collections: allCollections, appName: "test" });
  close = () => closeAll(registry);
  const listed = (await createAssignments(service).databases())._unsafeUnwrap();
  const databases = databasesOf(file.migration.collection, registry, listed)._unsafeUnwrap();
  bounded = { control: createDataMigrationsControl(service), databases };
  for (const home of system.homes) users.push(await system.userWith(home, ["a", "b", null, "d", "e"]));
  expect(await command("up")).toMatchObject({ code: 0 });
  const up = contents(await everything());
  expect(await command("down")).toMatchObject({ code: 0 });
  undisturbed = { up, down: contents(await everything()) };
  expect(undisturbed.up).not.toEqual(undisturbed.down);
});
afterEach(() => bringBack());
afterAll(async () => {
  await close();
  await system?.stop();
});

/** Before a batch is written, while it is written, and after it: in each home, as the passes come there. */
const MOMENTS: readonly { point: RunPoint; isMeanwhile: boolean }[] = [
  { point: "kept", isMeanwhile: false },
  { point: "kept", isMeanwhile: true },
  { point: "written", isMeanwhile: false },
  { point: "passed", isMeanwhile: false },
];
/** The gate takes the first; all of them take six minutes. */
const TAKEN = process.env.SWITCHYARD_MIGRATION_OUTAGES === "all" ? MOMENTS : MOMENTS.slice(0, 1);
const ROUNDS = HOMES.flatMap((victim) =>
  (Object.keys(FAULTS) as Fault[]).flatMap((fault) => TAKEN.map((moment) => ({ victim, fault, ...moment }))),
);

describe.each(ROUNDS)("$fault $victim at $point, meanwhile: $isMeanwhile", ({ victim, fault, point, isMeanwhile }) => {
  test.each(["up", "down"] as const)("%s", async (direction) => {
    expect((await states())[0]?.[0]).toBe(direction === "up" ? "reverted" : "done");
    let going: Promise<void> | undefined;
    let at = "";
    const ran = await system.run(file, {
      ...{ ...bounded, direction },
      wait: async () => undefined,
      onProgress: ({ through }) => {
        at = through.at(-1) ?? "";
      },
      onPoint: async (now) => {
        // in the home that is to be away, or when all homes have been passed
        const order = [...system.homes].sort();
        const isThere =
          point === "passed" || order[order.indexOf(at) + 1] === victim || (at === "" && order[0] === victim);
        if (now !== point || going || !isThere) return;
        going = takeAway(victim, fault);
        if (!isMeanwhile) await going;
      },
    });
    await going;
    expect(going).toBeDefined();
    await bringBack();
    // a batch that was through before the database was gone leaves nothing to be said
    if (ran.isErr()) {
      expect(ran.error.message).toMatch(
        /^20270101000000_mark_notes stopped at contacts( in \w+|, between two passes): .*(does not answer|in time)\. What was written stays. The same command goes on there\./,
      );
      expect((await states()).map(([state]) => state)).toEqual([direction === "up" ? "running" : "reverting"]);
      await system.leaseEnds();
      expect(await command(direction)).toMatchObject({ code: 0 });
    } else expect(isMeanwhile).toBe(true);
    expect(contents(await everything())).toEqual(undisturbed[direction]);
    expect(await states()).toEqual([[direction === "up" ? "done" : "reverted", false]]);
  });
});

test.each(HOMES)("%s away for a moment: the run waits, and comes to its end", async (victim) => {
  for (const direction of ["up", "down"] as const) {
    let isGone = false;
    const ran = await system.run(file, {
      ...{ ...bounded, direction },
      onPoint: async (point) => {
        if (point !== "kept" || isGone) return;
        isGone = true;
        await takeAway(victim, "kill");
      },
      wait: () => bringBack(),
    });
    expect(ran.isOk()).toBe(true);
    expect(contents(await everything())).toEqual(undisturbed[direction]);
  }
});

test.each(HOMES)("%s away before it begins: nothing was begun, and the command says of which", async (victim) => {
  await takeAway(victim, "kill");
  const { code, said } = await command("up");
  expect([code, said]).toEqual([1, expect.stringMatching(/does not answer/)]);
  if (victim === "mongodb")
    expect(said).toMatch(/^20270101000000_mark_notes could not be looked at: contacts in \w+: MongoDB /);
  await bringBack();
  expect(contents(await everything())).toEqual(undisturbed.down);
  expect(await states()).toEqual([["reverted", false]]);
});
