/** `npm start` and `npm run reset`, as a person at a terminal meets them. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { freePorts, groupLives, npm, type Started } from "./start-child.ts";

const run = promisify(execFile);
let root: string;
let ports: number[];
const systems: Started[] = [];

const start = (name: string, [port, supabasePort]: number[], more: Record<string, string> = {}) => {
  const system = npm("start", {
    PORT: String(port),
    SUPABASE_PORT: String(supabasePort),
    SWITCHYARD_DATA: join(root, name),
    ...more,
  });
  systems.push(system);
  return system;
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "switchyard-start-"));
  ports = await freePorts(4);
});
afterAll(async () => {
  for (const system of systems) if (groupLives(system)) system.signal("SIGKILL");
  await rm(root, { recursive: true, force: true });
});

const keyOf = (system: Started) => /publishable key (sb_publishable_\S+?)\)/.exec(system.output())?.[1] ?? "";
const clientOf = (system: Started, port: number | undefined) =>
  createClient(`http://127.0.0.1:${port}`, keyOf(system), { auth: { persistSession: false, autoRefreshToken: false } });

async function endsBy(system: Started, signal: NodeJS.Signals): Promise<void> {
  system.signal(signal);
  await system.ended;
  await expect.poll(() => groupLives(system), PATIENT).toBe(false);
}

describe("a system of its own", () => {
  test("signs demo users up on its first start, and its curl works when pasted", async () => {
    const system = start("first", ports.slice(0, 2));
    await system.said("Ready.");
    const rows = [...system.output().matchAll(/^ +(\w+@demo\.switchyard\.test) +(supabase|mongodb) +(\d+)$/gm)];
    expect(rows).toHaveLength(6);
    expect(new Set(rows.map((row) => row[2]))).toEqual(new Set(["supabase", "mongodb"]));
    expect(rows.reduce((sum, row) => sum + Number(row[3]), 0)).toBeGreaterThan(300);

    // each has a shop, in Supabase, and three of them talk; all of it is in the copy
    const sides = [...system.output().matchAll(/^ +(\w+) +(\d+) +(\d+)$/gm)];
    expect(sides.map(([, name, primary, copy]) => [name, Number(primary), Number(copy)])).toEqual([
      ["shops", 6, 6],
      ["customers", 18, 18],
      ["payments", 54, 54],
      ["profiles", 3, 3],
      ["conversations", 1, 1],
      ["conversation_members", 2, 2],
      ["direct_messages", 4, 4],
    ]);
    expect(system.output()).toMatch(/^ +copy: 0 pending, 0 set aside; lag of the last ten minutes: p50 \d+ ms/m);

    const command = system.output().slice(system.output().indexOf("TOKEN=$("), system.output().indexOf("\nReady."));
    const { stdout } = await run("sh", ["-c", command]);
    expect(JSON.parse(stdout)).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ currency: "USD" })]),
    });

    // one has paid another, and something is held
    const { data } = await clientOf(system, ports[1]).auth.signInWithPassword({
      email: "bao@demo.switchyard.test",
      password: "switchyard-demo",
    });
    const headers = { authorization: `Bearer ${data.session?.access_token}` };
    const accounts = await fetch(`http://127.0.0.1:${ports[0]}/api/ledger/accounts`, { headers });
    expect(await accounts.json()).toMatchObject({
      items: [{ asset: "EUR", posted: "213.60", pending: "15.00", available: "198.60" }],
    });
    await endsBy(system, "SIGINT");
  });

  test("comes back with its data, beside another one; a folder and a port are refused", async () => {
    const system = start("first", ports.slice(0, 2));
    const other = start("second", ports.slice(2), { SWITCHYARD_DEMO: "0" });
    await Promise.all([system.said("Ready."), other.said("Ready.")]);
    expect(system.output()).not.toContain("First start");

    const demo = await clientOf(system, ports[1]).auth.signInWithPassword({
      email: "bao@demo.switchyard.test",
      password: "switchyard-demo",
    });
    const count = await fetch(`http://127.0.0.1:${ports[0]}/api/expenses/count`, {
      headers: { authorization: `Bearer ${demo.data.session?.access_token}` },
    });
    expect(await count.json()).toMatchObject({ count: 42 });
    const read = async (path: string) => {
      const headers = { authorization: `Bearer ${demo.data.session?.access_token}` };
      return (await (await fetch(`http://127.0.0.1:${ports[0]}${path}`, { headers })).json()).items;
    };
    const [{ id }] = await read("/api/conversations");
    expect(await read(`/api/rooms/${id}/messages`)).toHaveLength(4);
    const [{ id: server }] = await read("/api/servers");
    const [{ id: channel }] = await read(`/api/servers/${server}/channels`);
    const said = await read(`/api/rooms/${channel}/messages`);
    expect(said.map(({ author }: { author: { name: string } }) => author.name)).toEqual(["Ada", "Chidi", "Bao"]);

    const someone = { email: "someone@start.test", password: "correct horse" };
    expect((await clientOf(other, ports[3]).auth.signUp(someone)).error, other.output()).toBeNull();

    const [free, alsoFree] = await freePorts(2);
    const sameFolder = start("first", [free ?? 0, alsoFree ?? 0]);
    expect(await sameFolder.ended).toBe(1);
    expect(sameFolder.output().trim().split("\n")).toEqual([expect.stringContaining("which a running system uses")]);
    const samePort = start("third", [ports[0] ?? 0, alsoFree ?? 0]);
    expect(await samePort.ended).toBe(1);
    expect(samePort.output().trim()).toBe(
      `Port ${ports[0]} is taken by another program: stop that one, or set PORT to a free port.`,
    );
    const sameSupabase = start("third", [free ?? 0, ports[1] ?? 0]);
    expect(await sameSupabase.ended).toBe(1);
    expect(sameSupabase.output().trim()).toBe(
      `Port ${ports[1]} is taken by another program: stop that one, or set SUPABASE_PORT to a free port.`,
    );
    for (const each of [sameFolder, samePort, sameSupabase]) expect(groupLives(each)).toBe(false);

    // npm killed hard, which passes nothing on: the rest notices, and the data is there at the next start
    other.child.kill("SIGKILL");
    await expect.poll(() => groupLives(other), PATIENT).toBe(false);
    const again = start("second", ports.slice(2), { SWITCHYARD_DEMO: "0" });
    await again.said("Ready.");
    expect((await clientOf(again, ports[3]).auth.signInWithPassword(someone)).error).toBeNull();
    await Promise.all([endsBy(again, "SIGTERM"), endsBy(system, "SIGINT")]);
  });
});

test("bad variables are all named at once, in a sentence each", async () => {
  const system = npm("start", {
    PORT: "many",
    SWITCHYARD_DEMO: "2",
    MONGODB_URI: "localhost",
    SWITCHYARD_DATA: join(root, "bad"),
  });
  expect(await system.ended).toBe(1);
  const lines = system.output().trim().split("\n");
  expect(lines.map((line) => line.split(" ")[0]).sort()).toEqual(["MONGODB_URI", "PORT", "SWITCHYARD_DEMO"]);
  expect(existsSync(join(root, "bad"))).toBe(false);
});

describe("npm run reset", () => {
  test("clears the folder, and nothing else", async () => {
    const reset = npm("reset", { SWITCHYARD_DATA: join(root, "first") });
    expect(await reset.ended).toBe(0);
    expect(existsSync(join(root, "first"))).toBe(false);
    expect(existsSync(join(root, "second"))).toBe(true);
  });

  test("and `npm start` leave a folder alone that is not Switchyard's", async () => {
    await writeFile(join(root, "mine.txt"), "mine");
    for (const script of ["reset", "start"] as const) {
      const [port, supabasePort] = await freePorts(2);
      const child = npm(script, { SWITCHYARD_DATA: root, PORT: String(port), SUPABASE_PORT: String(supabasePort) });
      expect(await child.ended).toBe(1);
      expect(child.output().trim().split("\n")).toHaveLength(1);
    }
    expect(existsSync(join(root, "mine.txt"))).toBe(true);
  });
});
