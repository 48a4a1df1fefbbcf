/** A first start that is ended, or loses a part, on its way: quietly, and what comes after goes on. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { freePorts, groupLives, npm, type Started } from "./start-child.ts";

let root: string;
let env: Record<string, string>;
let systems: Started[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "switchyard-interrupted-"));
  const [port, supabasePort] = await freePorts(2);
  env = { PORT: String(port), SUPABASE_PORT: String(supabasePort), SWITCHYARD_DATA: join(root, "data") };
  systems = [];
});
afterEach(async () => {
  for (const system of systems) if (groupLives(system)) system.signal("SIGKILL");
  await rm(root, { recursive: true, force: true });
});

const start = () => {
  const system = npm("start", env);
  systems.push(system);
  return system;
};
const inData = (name: string) => join(root, "data", name);

/** Nothing but what a person can read: no stack, no error of a driver. */
const expectQuiet = (system: Started) => expect(system.output()).not.toMatch(/\n\s+at |Error|driver/);

async function end(system: Started): Promise<void> {
  system.signal("SIGINT");
  await system.ended;
  await vi.waitUntil(() => !groupLives(system), PATIENT);
}

/** Users and records of the table that the demo ends with. */
const demoTable = (system: Started) =>
  [...system.output().matchAll(/^ +(\w+)@demo\.switchyard\.test +(?:supabase|mongodb) +(\d+)$/gm)].map((row) =>
    Number(row[2]),
  );

/** The process of a part, among those that `npm start` has started. */
function processOf(system: Started, part: string): number {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,pgid=,args="], { encoding: "utf8" }).split("\n");
  const fields = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []);
  const found = fields.find(([, , group, args]) => Number(group) === system.child.pid && args?.endsWith(`/${part}.ts`));
  return Number(found?.[1]);
}

test("Ctrl-C at any moment: each start goes on where the last one was, also when its parts are killed", async () => {
  const moments: [string, (system: Started) => boolean][] = [
    ["npm has begun", () => true],
    ["the cluster is being made", () => existsSync(inData("postgres.unfinished"))],
    ["the cluster is there", () => existsSync(inData("postgres")) && !existsSync(inData("postgres.unfinished"))],
    ["the demo has begun", (system) => system.output().includes("demo")],
    ["the demo has filed something", (system) => system.output().includes("bao@")],
  ];
  for (const [, isThere] of moments) {
    const system = start();
    // one that has ended by itself would be waited for in vain
    const hasEnded = () => system.child.exitCode !== null;
    await vi.waitUntil(() => isThere(system) || hasEnded(), PATIENT);
    expect(hasEnded(), system.output()).toBe(false);
    await end(system);
    expectQuiet(system);
  }
  const last = start();
  for (const [after, part, title] of [
    ["bao@", "mongo-stand-in", "The embedded MongoDB"],
    ["dunya@", "supabase", "The embedded Supabase"],
  ] as const) {
    await last.said(after);
    process.kill(processOf(last, part), "SIGKILL");
    await last.said(`${title} has ended (SIGKILL); it starts again.`);
  }
  await last.said("Ready.");
  expect(last.output()).toContain("The demo goes on where it was.");
  expect(demoTable(last)).toEqual(Array(6).fill(77));
  await end(last);
  const again = start();
  await again.said("Ready.");
  expect(again.output()).not.toContain("demo users");
  await end(again);
  expectQuiet(again);
});
