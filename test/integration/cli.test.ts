import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { writeDevelopment } from "../../scripts/dev/development-file.ts";
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
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
      for (const name of [
        "databases set",
        "databases add",
        "databases drain",
        "databases remove",
        "homes assign",
        "db prepare",
        "collection sql",
        "purge",
        "stats",
        "health",
      ])
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
    ["databases set --policy=luck", "--policy is count, size, load, latency"],
    ["databases set mongodb --policy=size", "--policy is of all databases"],
    ["databases set mongodb --accepting=maybe", "true or false"],
    ["databases set mongodb --weight=0", "above 0"],
    ["databases set mongodb --capacity=-1", "number of users"],
    ["databases mongodb", '"mongodb" is too much here'],
    ["databases add", "A name is missing"],
    ["databases add neon", "--kind=postgres or --kind=mongodb, or set DATABASE_NEON"],
    ["databases add neon --kind=oracle", "--kind is postgres or mongodb"],
    ["databases add neon --kind=postgres --site=8", "from 1 to 7"],
    ["databases add url --kind=postgres", "DATABASE_URL is the direct way to Supabase's own Postgres"],
    ["databases add url_unpooled --kind=postgres", 'No database can be named "url_unpooled"'],
    ["databases add connect_ms --kind=mongodb", "DATABASE_CONNECT_MS says how long"],
    ["databases add mongodb --kind=postgres", "MONGODB_URI is a URL of mongodb"],
    ["db prepare mongodb atlas", '"atlas" is too much here'],
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
    expect(out).toMatch(/^name +kind +site +accepting +weight +capacity +users +size +healthy$/m);
    expect(out).toMatch(/^mongodb +mongodb +2 +yes +1 +no limit +\d+ +\? +not looked at$/m);
  });

  test("knows how much room there is, and says what is full", async () => {
    expect((await run("databases set mongodb --capacity-bytes=much")).code).toBe(2);
    expect((await run("databases set mongodb --full-at=101")).code).toBe(2);
    expect((await run("databases set supabase --capacity-bytes=1MB --full-at=80")).code).toBe(0);
    expect((await run("stats")).out).toMatch(/^capacity +.*1 MB/m);
    expect((await run("databases")).out).toMatch(/^supabase .* of 1 MB +no: over 80 % of its capacity$/m);
    expect((await run("databases set supabase --capacity-bytes=none --full-at=90")).code).toBe(0);
  });

  test("says by what new users' homes are chosen, and changes that", async () => {
    expect((await run("databases")).out).toMatch(/users for its weight \(policy: count\)\.$/);
    expect((await run("databases set --policy=size")).out).toMatch(/least bytes for its weight \(policy: size\)\.$/);
    await supabase.sql("update switchyard.database_state set sized_at = null where name = 'mongodb'");
    expect((await run("databases")).out).toMatch(
      /least users for .* policy is size, .* within ten minutes of mongodb\.$/,
    );
    expect((await run("databases set --policy=load")).out).toMatch(/who were there within a day \(policy: load\)/);
    expect(await row("supabase")).toMatchObject({ policy: "load", placed_by: "load", measure: expect.any(Number) });
    expect((await run("databases set --policy=count --json")).out).toMatch(/"used": "count"/);
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

/** Somebody from before Switchyard: a user without a home. */
async function orphan(): Promise<string> {
  const { id } = await newUser({ home: "supabase", on: supabase });
  await supabase.sql("delete from public.user_database_assignments where user_id = $1", [id]);
  return id;
}

describe("homes assign", () => {
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
  const unopened = () =>
    supabase.sql("update switchyard.databases set accepting = false, opened_at = null where name = 'mongodb'");

  test("opens a database the first time, and not after it was closed", async () => {
    await unopened();
    expect(await run("db prepare")).toEqual({
      code: 0,
      err: "",
      out: `mongodb: prepared. From now on new users may get it as their home.
supabase: its schema is brought up to date by its migrations: supabase db push`,
    });
    expect(await row("mongodb")).toMatchObject({ accepting: true });
    await run("databases set mongodb --accepting=false");
    const again = await run("db prepare mongodb");
    expect([again.code, (await row("mongodb"))?.accepting]).toEqual([0, false]);
    expect(again.out).toMatch("databases set mongodb --accepting=true");
    await run("databases set mongodb --accepting=true");
    expect((await run("db prepare mongodb")).out).toMatch("as before");
  });

  test("one that is away, or not configured, is refused and opens nothing", async () => {
    await unopened();
    const away = await run("db prepare", NO_MONGO);
    expect([away.code, (await row("mongodb"))?.accepting]).toEqual([1, false]);
    expect(away.err).toMatch(/^mongodb: MongoDB refuses connections.+\nNot prepared: mongodb\.$/);
    const unset = { MONGODB_URI: "" };
    expect(await run("db prepare mongodb", unset)).toMatchObject({
      code: 1,
      err: expect.stringContaining("MONGODB_URI"),
    });
    // a project without MongoDB is none that is broken
    expect(await run("db prepare", unset)).toMatchObject({
      code: 0,
      out: expect.stringContaining("mongodb: not used"),
    });
    await run("db prepare");
    expect(await run("db prepare", unset)).toMatchObject({ code: 1, err: expect.stringContaining("set MONGODB_URI") });
  });
});

describe("more databases", () => {
  const atlas = { DATABASE_ATLAS: "" };
  beforeAll(() => {
    atlas.DATABASE_ATLAS = mongoUriFor(`cli_atlas_${randomUUID().slice(0, 8)}`);
  });

  test("are added by the scheme of their variable, or by --kind, and get a site each", async () => {
    const added = await run("databases add atlas", atlas);
    expect(added).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^atlas: added, mongodb, site 3\.\n1\. Set DATABASE_ATLAS/),
    });
    expect(added.out).toMatch("switchyard db prepare atlas");
    expect((await run("databases add atlas", atlas)).out).toBe("atlas: was there already, mongodb, site 3.");
    const options = "--kind=postgres --site=6 --weight=2 --capacity=10 --json";
    expect(JSON.parse((await run(`databases add neon ${options}`)).out)).toEqual({
      name: "neon",
      kind: "postgres",
      site: 6,
      added: true,
    });
    expect(await row("neon")).toMatchObject({
      accepting: false,
      opened_at: null,
      weight: 2,
      capacity_users: 10,
      site: 6,
    });
    const other = await run("databases add neon --kind=mongodb");
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining("its kind is postgres") });
  });

  test("are prepared by themselves, whatever the others do", async () => {
    const { MONGODB_URI = "" } = env;
    const all = await run("db prepare", {
      ...atlas,
      DATABASE_UNKNOWN: mongoUriFor("cli_unknown"),
      DATABASE_NEON: mongoUriFor("cli_neon"),
    });
    expect(all.code).toBe(1);
    expect(all.out).toMatch("atlas: prepared. From now on");
    expect(all.err.split("\n")).toEqual([
      "neon: DATABASE_NEON is a URL of mongodb, and neon is listed as postgres.",
      'unknown: DATABASE_UNKNOWN is set, and the database "unknown" is not listed: switchyard databases add unknown',
      "Not prepared: neon, unknown.",
    ]);
    expect(await row("atlas")).toMatchObject({ accepting: true });
    // an address that leads elsewhere: another spelling of the one that is mongodb's
    const wrong = await run("db prepare atlas", { DATABASE_ATLAS: `${MONGODB_URI}?appName=x` });
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('This is the database "mongodb"') });
    expect((await run("db prepare oracle")).err).toMatch("switchyard databases add oracle");
    const stats = JSON.parse((await run("stats --json", atlas)).out) as { homes: { name: string }[] };
    expect(stats.homes.map(({ name }) => name)).toEqual(["supabase", "mongodb", "atlas", "neon"]);
  });

  test("are drained, and removed once nothing of anybody's can be there", async () => {
    const id = await orphan();
    await run("homes assign --to=atlas");
    const drained = await run("databases drain atlas");
    expect(drained).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringMatching(/^atlas: no new users get it, .*, 1 users now\.$/),
    });
    expect(await run("databases remove atlas")).toMatchObject({
      code: 1,
      err: expect.stringContaining(`Users are at home in "atlas": 1.`),
    });
    await supabase.sql("delete from auth.users where id = $1", [id]);
    expect(await run("databases remove atlas")).toMatchObject({ code: 1, err: expect.stringContaining("Tasks wait") });
    await supabase.sql("update switchyard.tasks set done_at = now() where database = 'atlas'");
    const removed = await run("databases remove atlas");
    expect(removed).toMatchObject({ code: 0, out: expect.stringContaining("Unset DATABASE_ATLAS") });
    expect(await row("atlas")).toBeUndefined();
    for (const name of ["atlas", "supabase"]) expect((await run(`databases remove ${name}`)).code).toBe(1);
    await run("databases remove neon");
    await run("databases drain mongodb");
    expect((await run("databases drain supabase")).err).toBe("No database takes new users now: sign-ups are refused.");
    for (const name of ["mongodb", "supabase"]) await run(`databases set ${name} --accepting=true`);
  });
});

test("purge says what is missing", async () => {
  expect(await run("purge")).toEqual({
    code: 1,
    out: "",
    err: "The edge function purge is not there: deploy it first.",
  });
  expect((await run("purge", { SUPABASE_URL: "http://127.0.0.1:9" })).err).toBe("Supabase does not answer.");
});

test("collection sql prints the migration, and needs no server", async () => {
  const { code, out } = await run("collection sql expenses", { SUPABASE_URL: "", SUPABASE_SECRET_KEY: "" });
  expect(code).toBe(0);
  expect(out).toMatch("create table public.expenses");
});

test("stats and health say what is there", async () => {
  const stats = JSON.parse((await run("stats --json")).out);
  expect(Object.keys(stats)).toEqual([
    "userDistribution",
    "totalUsers",
    "mongodb",
    "supabase",
    "homes",
    "timestamp",
    "copy",
  ]);
  expect(Object.keys(stats.copy.collections)).toEqual([
    ...["shops", "customers", "payments"],
    ...["profiles", "conversations", "conversation_members"],
  ]);
  const { out } = await run("stats");
  expect(out).toMatch(/^users +\d+ +\d+$/m);
  // kept in Supabase, and copied beside MongoDB's own
  expect(out).toMatch(/^customers +\d+ +- +\d+$/m);
  expect(out).toMatch(/^contacts +\d+ +\d+ +-$/m);
  expect(out).toMatch(/^copy: nothing is copied/m);
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
