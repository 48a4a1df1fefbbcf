/** Two runs never meet: whoever comes second is refused, and whoever has lost the lease writes nothing more. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunPoint } from "../../shared/data-migrations/run.ts";
import type { TestUser } from "../setup/users.ts";
import { isMarked, marking } from "./marking.ts";
import { fileOf, type MigratingSystem, startMigratingSystem } from "./system.ts";

let system: MigratingSystem;
const users: TestUser<string>[] = [];
beforeAll(async () => {
  system = await startMigratingSystem("meeting");
  for (const home of system.homes) users.push(await system.userWith(home, ["a", "b", "c"]));
});
afterAll(() => system?.stop());

const everything = async () => (await Promise.all(users.map(system.contactsOf))).flat();

/** A run that stands still when it comes to that point for the so-manyeth time. */
function standingAt(file: ReturnType<typeof fileOf>, at: RunPoint, time: number) {
  let goOn = () => {};
  let come = () => {};
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const there = new Promise<void>((resolve) => {
    come = resolve;
  });
  let times = 0;
  const running = system.run(file, {
    onPoint: async (point) => {
      if (point !== at || ++times !== time) return;
      come();
      await waiting;
    },
  });
  return { there, goOn: () => goOn(), running };
}

test("while one is at work, nobody else begins: not with the same, nor with another, nor back", async () => {
  const [file, other] = [fileOf(marking), fileOf(marking)];
  const first = standingAt(file, "recorded", 1);
  await first.there;
  for (const run of [system.run(file), system.run(other), system.run(file, { direction: "down" })])
    expect((await run)._unsafeUnwrapErr().message).toMatch(
      new RegExp(`^Another run is at ${file.name}: test has it, and if that has ended .* for \\d+ more seconds`),
    );
  first.goOn();
  expect((await first.running)._unsafeUnwrap().changed).toBe(users.length * 3);
  expect((await system.run(file, { direction: "down" })).isOk()).toBe(true);
});

test("two that begin at the same moment: one is refused, and the records are changed once", async () => {
  const file = fileOf(marking);
  const both = await Promise.all([system.run(file), system.run(file)]);
  expect(both.filter((run) => run.isOk())).toHaveLength(1);
  expect(both.find((run) => run.isOk())?._unsafeUnwrap().changed).toBe(users.length * 3);
  await system.run(file, { direction: "down" });
});

test("whoever stood still while others did it and took it back again finds the lease lost, and writes nothing", async () => {
  const file = fileOf(marking);
  const frozen = standingAt(file, "recorded", 2);
  await frozen.there;
  await system.leaseEnds();
  expect((await system.run(file)).isOk()).toBe(true);
  expect((await system.run(file, { direction: "down" })).isOk()).toBe(true);
  const before = await everything();
  frozen.goOn();
  expect((await frozen.running)._unsafeUnwrapErr().message).toMatch(/^The lease is lost: .* Nothing more was written/);
  expect(await everything()).toEqual(before);
  expect((await system.migrations.list())._unsafeUnwrap().find(({ name }) => name === file.name)).toMatchObject({
    state: "reverted",
    last_error: null,
  });
});

test("a lease that ran out is lost, although nobody has taken it", async () => {
  const file = fileOf(marking);
  const frozen = standingAt(file, "recorded", 1);
  await frozen.there;
  await system.leaseEnds();
  const before = await everything();
  frozen.goOn();
  expect((await frozen.running)._unsafeUnwrapErr().message).toMatch(/^The lease is lost/);
  expect(await everything()).toEqual(before);
  expect((await system.run(file)).isOk()).toBe(true);
  await system.run(file, { direction: "down" });
});

test("whoever stood still just before a batch misses every record of it, when another run has taken it all back", async () => {
  const file = fileOf(marking);
  const frozen = standingAt(file, "kept", 2);
  await frozen.there;
  await system.leaseEnds();
  expect((await system.run(file, { direction: "down" })).isOk()).toBe(true);
  const before = await everything();
  expect(before.some(isMarked)).toBe(false);
  frozen.goOn();
  expect((await frozen.running)._unsafeUnwrapErr().message).toMatch(/^The lease is lost/);
  expect(await everything()).toEqual(before);
});

test("nor does one that others went on for, and were killed at, before it was taken back", async () => {
  const file = fileOf(marking);
  const frozen = standingAt(file, "kept", 2);
  await frozen.there;
  await system.leaseEnds();
  const second = standingAt(file, "recorded", 1);
  await second.there;
  await system.leaseEnds();
  expect((await system.run(file, { direction: "down" })).isOk()).toBe(true);
  const before = await everything();
  expect(before.some(isMarked)).toBe(false);
  for (const run of [frozen, second]) {
    run.goOn();
    expect((await run.running)._unsafeUnwrapErr().message).toMatch(/^The lease is lost/);
  }
  expect(await everything()).toEqual(before);
});

test("whoever stood still just before a batch misses every record of it", async () => {
  const file = fileOf(marking);
  const frozen = standingAt(file, "kept", 2);
  await frozen.there;
  await system.leaseEnds();
  expect((await system.run(file)).isOk()).toBe(true);
  const before = await everything();
  expect(before.every(isMarked)).toBe(true);
  frozen.goOn();
  expect((await frozen.running)._unsafeUnwrapErr().message).toMatch(/^The lease is lost/);
  expect(await everything()).toEqual(before);
});
