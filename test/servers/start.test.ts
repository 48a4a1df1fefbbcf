/** `npm start` on three real servers, as compose.yaml has it, looked at by the doctor as another process. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Finding } from "../../shared/operations/doctor/check.ts";
import { freePorts, groupLives, npm, type Started } from "../integration/start-child.ts";
import { PATIENT } from "../setup/patience.ts";
import { createServerDatabase, type ServerDatabase } from "../setup/server-database.ts";
import { mongoUriFor, redisUrl, servers } from "../setup/servers.ts";

let folder: string;
let database: ServerDatabase;
let system: Started | undefined;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-start-"));
  database = await createServerDatabase(servers().dbUrl, servers().adminDbUrl);
  const [api = 0, supabase = 0] = await freePorts(2);
  port = api;
  system = npm("start", {
    PORT: String(api),
    SUPABASE_PORT: String(supabase),
    SWITCHYARD_DATA: folder,
    SWITCHYARD_HOST: "0.0.0.0",
    SUPABASE_DB_URL: database.dbUrl,
    SUPABASE_ADMIN_DB_URL: database.adminUrl,
    MONGODB_URI: mongoUriFor(`start_${crypto.randomUUID().slice(0, 8)}`),
    REDIS_URL: redisUrl("start"),
  });
  await system.said("Ready.");
});
afterAll(async () => {
  if (system && groupLives(system)) system.signal("SIGKILL");
  await system?.ended;
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

/** As a shell sees it. */
const doctor = () =>
  new Promise<{ code: number; out: string }>((resolve) => {
    const { PATH = "", HOME = "" } = process.env;
    const env = { PATH, HOME, SWITCHYARD_DATA: folder };
    execFile("npm", ["run", "--silent", "switchyard", "--", "doctor", "--json"], { env }, (error, out) =>
      resolve({ code: Number(error?.code ?? 0), out }),
    );
  });

test("uses all three, on whatever address is asked for", async () => {
  const connected = { status: "connected" };
  // the first question finds Redis being connected to
  const health = async () => (await fetch(`http://127.0.0.2:${port}/health`)).json();
  await expect
    .poll(health, PATIENT)
    .toMatchObject({ status: "OK", databases: { postgresql: connected, mongodb: connected, redis: connected } });
});

test("the doctor finds nothing, and ends with 0", async () => {
  const { code, out } = await doctor();
  const found = JSON.parse(out) as Finding[];
  // a machine that is busy makes Redis slow, which is a warning
  expect(found.filter(({ state }) => state === "failure" || state === "skipped")).toEqual([]);
  expect(found.find(({ name }) => name === "supabase: direct connection")?.says).toMatch("is the database behind REST");
  expect(found.find(({ name }) => name === "limits: count, and refuse")?.says).toMatch("counted in Redis");
  expect(found.find(({ name }) => name === "api: sign-out ends a token")?.says).toMatch(`http://127.0.0.1:${port}`);
  expect(code).toBe(0);
});

test("SIGTERM ends all of it, and the doctor then says what is missing", async () => {
  system?.signal("SIGTERM");
  await system?.ended;
  await expect.poll(() => system && groupLives(system), PATIENT).toBe(false);
  expect(system?.output()).toMatch("Stopping.");
  expect(await doctor()).toEqual({ code: 1, out: "" });
});
