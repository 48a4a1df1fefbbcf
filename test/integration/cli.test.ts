import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { writeDevelopment } from "../../scripts/dev/development-file.ts";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { allCollections } from "../../shared/collections/index.ts";
import type { Environment } from "../../shared/config.ts";
import type { DatabaseRow } from "../../shared/placement/assignment.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { startEmbedded } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";

let supabase: RunningSupabase;
let env: Environment;

/** Nobody listens there, and the driver soon stops to look for somebody. */
const NO_MONGO = { MONGODB_URI: "mongodb://127.0.0.1:9/", DATABASE_CONNECT_MS: "100" };

interface Ran {
  code: number;
  out: string;
  err: string;
}

async function run(line: string, over: Environment = {}): Promise<Ran> {
  const said = { out: [] as string[], err: [] as string[] };
  const code = await runCommand(line.split(" ").filter(Boolean), {
    env: { ...env, ...over },
    out: (text) => said.out.push(text),
    err: (text) => said.err.push(text),
  });
  return { code, out: said.out.join("\n"), err: said.err.join("\n") };
}
const row = async (name: string) =>
  (JSON.parse((await run("databases --json")).out) as DatabaseRow[]).find((each) => each.name === name);

beforeAll(async () => {
  // one for itself: these commands change what every sign-up sees
  supabase = await startEmbedded();
  await supabase.sql("update switchyard.databases set accepting = true, opened_at = now()");
  env = {
    SUPABASE_URL: supabase.url,
    SUPABASE_SECRET_KEY: supabase.secretKey,
    MONGODB_URI: mongoUriFor(`cli_${randomUUID().slice(0, 8)}`),
  };
});
afterAll(() => supabase?.stop());

describe("calls", () => {
  test("no command, and help: what there is", async () => {
    for (const line of ["", "help", "--help"]) {
      const { code, out } = await run(line);
      expect(code).toBe(0);
      for (const name of ["databases set", "homes assign", "db prepare", "collection sql", "purge", "stats", "health"])
        expect(out).toMatch(`switchyard ${name}`);
    }
  });

  test("an unknown command: what there is, as an error", async () => {
    const { code, out, err } = await run("frobnicate --json");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch('There is no command "frobnicate".');
    expect(err).toMatch("switchyard homes assign");
  });

  test.each([
    ["databases --colour", "--colour"],
    ["databases set", "A name is missing"],
    ["databases set mongodb", "Say what to change"],
    ["databases set mongodb --accepting=maybe", "true or false"],
    ["databases set mongodb --weight=0", "above 0"],
    ["databases set mongodb --capacity=-1", "number of users"],
    ["databases mongodb", '"mongodb" is too much here'],
    ["homes assign --batch-size=0", "--batch-size"],
    ["collection sql dragons", "There is no collection"],
  ])("%s: its fault, and how it is called", async (line, fault) => {
    const { code, err } = await run(line);
    expect(code).toBe(2);
    expect(err).toMatch(fault);
    expect(err).toMatch(`switchyard ${line.split(" ")[0]}`);
  });

  test("settings that are missing or wrong: a sentence for each", async () => {
    const { code, err } = await run("databases", { SUPABASE_URL: "nonsense", SUPABASE_SECRET_KEY: "" });
    expect(code).toBe(1);
    expect(err).toMatch(/SUPABASE_URL must be a URL/);
    expect(err).toMatch(/SUPABASE_SECRET_KEY .*is not set/);
  });

  test("a Supabase that does not answer: a sentence", async () => {
    const { code, err } = await run("databases", { SUPABASE_URL: "http://127.0.0.1:9" });
    expect([code, err]).toEqual([1, "Supabase does not answer."]);
  });
});

describe("databases", () => {
  test("lists them", async () => {
    const { code, out } = await run("databases");
    expect(code).toBe(0);
    expect(out).toMatch(/^name +accepting +weight +capacity +users +healthy$/m);
    expect(out).toMatch(/^mongodb +yes +1 +no limit +\d+ +not looked at$/m);
  });

  test("sets what is given and leaves the rest", async () => {
    const { code, out } = await run("databases set mongodb --weight=2.5 --capacity=1000");
    expect(code).toBe(0);
    expect(out).toMatch(/^mongodb: new users may get it, weight 2.5, at most 1000 users, \d+ users now\.$/);
    await run("databases set mongodb --accepting=false");
    expect(await row("mongodb")).toMatchObject({ accepting: false, weight: 2.5, capacity_users: 1000 });
    await run("databases set mongodb --accepting=true --weight=1 --capacity=none");
    expect(await row("mongodb")).toMatchObject({ accepting: true, weight: 1, capacity_users: null });
  });

  test("one that does not exist is refused", async () => {
    const { code, err } = await run("databases set oracle --accepting=true");
    expect(code).toBe(1);
    expect(err).toMatch('There is no database named "oracle".');
  });
});

describe("homes assign", () => {
  const orphan = async () => {
    const { id } = await newUser({ home: "supabase", on: supabase });
    await supabase.sql("delete from public.user_database_assignments where user_id = $1", [id]);
    return id;
  };
  const homeOf = async (id: string) =>
    (
      await supabase.sql<{ database_provider: string }>(
        "select database_provider from public.user_database_assignments where user_id = $1",
        [id],
      )
    )[0]?.database_provider;

  test("in batches until everyone has one, and then there is nothing to do", async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, orphan));
    const { code, out } = await run("homes assign --batch-size=2");
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual([
      "2 assigned, 3 to go.",
      "4 assigned, 1 to go.",
      "5 assigned, 0 to go.",
      "Done: 5 users got a home, and every user has one.",
    ]);
    for (const id of ids) expect(await homeOf(id)).toMatch(/^(mongodb|supabase)$/);
    expect((await run("homes assign")).out).toBe("Every user has a home: nothing to do.");
  });

  test("to the one that is named", async () => {
    const ids = await Promise.all(Array.from({ length: 3 }, orphan));
    expect(JSON.parse((await run("homes assign --to=mongodb --json")).out)).toEqual({ assigned: 3, remaining: 0 });
    expect(await Promise.all(ids.map(homeOf))).toEqual(["mongodb", "mongodb", "mongodb"]);
    expect((await run("homes assign --to=oracle")).err).toMatch('There is no database named "oracle".');
  });

  test("twice at the same time: everyone once", async () => {
    await Promise.all(Array.from({ length: 20 }, orphan));
    const runs = await Promise.all([1, 2].map(() => run("homes assign --batch-size=3 --json")));
    const assigned = runs.map(({ out }) => (JSON.parse(out) as { assigned: number }).assigned);
    expect(assigned.reduce((sum, each) => sum + each)).toBe(20);
  });
});

describe("db prepare", () => {
  test("opens mongodb the first time, and not after it was closed", async () => {
    await supabase.sql("update switchyard.databases set accepting = false, opened_at = null where name = 'mongodb'");
    const first = await run("db prepare");
    expect(first.code).toBe(0);
    expect(first.out).toMatch(`Prepared ${allCollections.length} collections`);
    expect(first.out).toMatch("From now on new users may get mongodb");
    expect(await row("mongodb")).toMatchObject({ accepting: true });

    await run("databases set mongodb --accepting=false");
    const again = await run("db prepare");
    expect([again.code, (await row("mongodb"))?.accepting]).toEqual([0, false]);
    expect(again.out).toMatch("databases set mongodb --accepting=true");
    await run("databases set mongodb --accepting=true");
  });

  test("without MongoDB, or with one that is away, it is refused and opens nothing", async () => {
    await supabase.sql("update switchyard.databases set accepting = false, opened_at = null where name = 'mongodb'");
    expect((await run("db prepare", { MONGODB_URI: "" })).err).toBe("MongoDB is not configured: set MONGODB_URI.");
    const away = await run("db prepare", NO_MONGO);
    expect([away.code, (await row("mongodb"))?.accepting]).toEqual([1, false]);
    expect(away.err).toMatch("MongoDB refuses connections");
  });
});

test("collection sql prints the migration, and needs no server", async () => {
  const { code, out } = await run("collection sql expenses", { SUPABASE_URL: "", SUPABASE_SECRET_KEY: "" });
  expect(code).toBe(0);
  expect(out).toMatch("create table public.expenses");
});

test("stats and health say what is there", async () => {
  const stats = JSON.parse((await run("stats --json")).out);
  expect(Object.keys(stats)).toEqual(["userDistribution", "totalUsers", "mongodb", "supabase", "timestamp"]);
  expect((await run("stats")).out).toMatch(/^users +\d+ +\d+$/m);
  const health = await run("health");
  expect(health).toMatchObject({ code: 0, out: expect.stringMatching(/^supabase {2}answers in \d+ ms\nmongodb/) });
  const degraded = await run("health", NO_MONGO);
  expect(degraded).toMatchObject({ code: 1, err: expect.stringMatching(/^The system is degraded: MongoDB/) });
});

test("next to npm start no settings are needed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "switchyard-cli-"));
  try {
    const nothing = { SUPABASE_URL: "", SUPABASE_SECRET_KEY: "", MONGODB_URI: "", SWITCHYARD_DATA: folder };
    expect((await run("databases", nothing)).err).toMatch("npm start");
    const { url, publishableKey, secretKey } = supabase;
    const remove = await writeDevelopment(folder, {
      url,
      publishableKey,
      secretKey,
      databases: { MONGODB_URI: env.MONGODB_URI ?? "" },
      deadlines: { REQUEST_DEADLINE_MS: "5000" },
    });
    expect((await stat(join(folder, "development.json"))).mode & 0o777).toBe(0o600);
    expect((await run("databases", nothing)).out).toMatch("mongodb");
    await remove();
    expect((await run("databases", nothing)).code).toBe(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
