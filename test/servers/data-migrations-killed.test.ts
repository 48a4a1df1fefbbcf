/** A process that is killed at any step, and another one after it: the records are as after a run that nobody disturbed. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDataMigrations } from "../../scripts/data-migration-files.ts";
import type { Environment } from "../../shared/config.ts";
import { type LoadedMigration, RUN_POINTS } from "../../shared/data-migrations/run.ts";
import { type Contact, type MigratingSystem, startMigratingSystem } from "../data-migrations/system.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import type { TestUser } from "../setup/users.ts";

const PROGRAM = fileURLToPath(new URL("migrating-process.ts", import.meta.url));
const FILES = fileURLToPath(new URL("data-migration-files/", import.meta.url));
const DIRECTIONS = ["up", "down"] as const;
type Direction = (typeof DIRECTIONS)[number];

let system: MigratingSystem;
let file: LoadedMigration;
const users: TestUser<string>[] = [];
/** Every record, by what nobody's clock decides, as an undisturbed run has left it. */
let undisturbed: Readonly<Record<Direction, unknown>>;

const everything = async (): Promise<Contact[]> => (await Promise.all(users.map(system.contactsOf))).flat();
const contents = (all: readonly Contact[]) => all.map(({ version: _, updated_at: __, ...rest }) => rest);
const state = async () => (await system.migrations.list())._unsafeUnwrap().map((row) => [row.state, row.is_held]);

/** Runs it in a process; killed when it has come to that point for the so-manyeth time. What has ended it. */
function runProcess(direction: Direction, killedAt?: { point: string; time: number }): Promise<number | string | null> {
  const child = fork(PROGRAM, [direction], {
    env: { PATH: process.env.PATH, ...PATIENT_VARIABLES, ...(system.env as Environment) } as NodeJS.ProcessEnv,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let times = 0;
  child.on("message", (point) => {
    if (point === killedAt?.point && ++times === killedAt.time) child.kill("SIGKILL");
    else child.send("on", () => undefined);
  });
  return new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
}

beforeAll(async () => {
  system = await startMigratingSystem("killedruns");
  file = (await readDataMigrations(FILES))[0] as LoadedMigration;
  for (const home of system.homes) users.push(await system.userWith(home, ["a", "b", null, "d", "e"]));
  expect(await runProcess("up")).toBe(0);
  const up = contents(await everything());
  expect(await runProcess("down")).toBe(0);
  undisturbed = { up, down: contents(await everything()) };
  expect(undisturbed.up).not.toEqual(undisturbed.down);
});
afterAll(() => system?.stop());

/** The first time that there is, and one in the midst of it all. */
const CASES = [...RUN_POINTS, "half"].flatMap((point) =>
  (["claimed", "finished"].includes(point) ? [1] : point === "passed" ? [1, 2] : [1, 4]).map((time) => ({
    point,
    time,
  })),
);

describe.each(CASES)("killed at $point, time $time", (killedAt) => {
  test.each(DIRECTIONS)("%s", async (direction) => {
    expect(await runProcess(direction, killedAt)).toBe("SIGKILL");
    const between = new Map((await everything()).map((contact) => [contact.id, contact]));
    if (killedAt.point === "finished")
      expect(await state()).toEqual([[direction === "up" ? "done" : "reverted", false]]);
    else {
      expect(await state()).toEqual([[direction === "up" ? "running" : "reverting", true]]);
      // nobody else comes in before the lease is over
      const refused = await system.run(file, { direction });
      expect(refused._unsafeUnwrapErr().message).toMatch(
        /^Another run is at 20270101000000_mark_notes: a process has it/,
      );
      await system.leaseEnds();
      expect((await system.run(file, { direction })).isOk()).toBe(true);
    }
    const after = await everything();
    expect(contents(after)).toEqual(undisturbed[direction]);
    expect(await state()).toEqual([[direction === "up" ? "done" : "reverted", false]]);
    // what had been changed by then was not written again
    for (const { id, note, version } of after)
      if (between.get(id)?.note === note) expect(version).toBe(between.get(id)?.version);
  });
});
