/** A database that is listed and takes users, and that nobody has told the API, the hook of sign-ups or the purge about. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createSignUpHook } from "../../shared/operations/sign-up-hook.ts";
import { runPurges } from "../../shared/placement/purge.ts";
import { closeAll, createRegistry, type Registry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { callerOf } from "../attack/caller.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT_DEADLINES } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { newUser } from "../setup/users.ts";
import { placementUsers } from "./placement-users.ts";

const SIGN_UPS = 9;

let database: OwnDatabase;
let api: ApiInstance;
let registry: Registry;
let service: ReturnType<typeof serviceClient>;
const log = createLog({ level: "silent" });
const users = placementUsers(() => database);

beforeAll(async () => {
  database = await startOwnDatabase();
  const mongoUri = await preparedMongo("engine");
  const keys = { SUPABASE_URL: database.url, SUPABASE_SECRET_KEY: database.secretKey, MONGODB_URI: mongoUri };
  const config = loadFunctionConfig(keys);
  service = serviceClient(config);
  const deadlines = deadlinesOf(PATIENT_DEADLINES);
  registry = createRegistry({ config, service, collections: allCollections, deadlines, appName: "test" });
  api = await startApi({ on: database, mongoUri });
  await service.rpc("switchyard_add_database", { p_name: "ghost", p_kind: "postgres" });
  await users.set("ghost", "accepting = true, opened_at = now()");
});
afterAll(async () => {
  await api?.close();
  if (registry) await closeAll(registry);
  await database?.stop();
});

test("who is at home there is told what to set; nobody else is concerned, and the numbers have it", async () => {
  const ann = await newUser({ home: "ghost", on: database });
  const admin = await newUser({ home: "supabase", on: database, appMetadata: { role: "admin" } });
  const refused = await callerOf(api, ann)("GET", "/contacts");
  expect([refused.status, refused.body.code]).toEqual([503, "unavailable"]);
  expect(refused.body.detail).toContain("set DATABASE_GHOST.");
  const call = callerOf(api, admin);
  expect((await call("POST", "/contacts", { name: "Ann" })).status).toBe(201);

  const health = await call("GET", "/health");
  expect([health.status, health.body.status]).toEqual([200, "degraded"]);
  expect(health.body.homes.map(({ name }: { name: string }) => name)).toEqual(["supabase", "mongodb", "ghost"]);
  expect(health.body.homes[2]).toMatchObject({ connected: false, error: expect.stringMatching("DATABASE_GHOST") });
  const stats = await call("GET", "/admin/database-stats");
  expect(stats.status).toBe(200);
  expect(stats.body.homes.map(({ name }: { name: string }) => name)).toEqual(["supabase", "mongodb", "ghost"]);
  expect(stats.body.homes[2]).toMatchObject({
    ...{ kind: "postgres", accepting: true, connected: false, totalUsers: 1, error: '"ghost" is not configured.' },
    collections: Object.fromEntries(homeCollections.map(({ name }) => [name, null])),
  });
  expect(stats.body).toMatchObject({ totalUsers: 2, userDistribution: { mongodb: 0, supabase: 1 } });
});

test("nobody is sent there once the hook of sign-ups has looked", async () => {
  await users.insertMany(2);
  // the least used one by far
  await users.set("ghost", "weight = 1000");
  expect(await users.homeOf(await users.insert())).toBe("ghost");
  const hook = createSignUpHook({
    verify: () => true,
    probes: Object.fromEntries(
      [...registry.values()].filter(({ name }) => name !== "supabase").map(({ name, system }) => [name, system.probe]),
    ),
    report: (reports) => callSystem<boolean>(service, "switchyard_report_healths", { p_reports: reports }),
    canPlace: () => callSystem<boolean>(service, "switchyard_can_place"),
    clock: Date.now,
    log,
    probeMs: PATIENT_DEADLINES.HOOK_DEADLINE_MS,
    totalMs: PATIENT_DEADLINES.HOOK_DEADLINE_MS,
  });
  const headers = { "content-type": "application/json" };
  const answer = await hook(new Request("http://hook", { method: "POST", headers, body: "{}" }));
  expect([answer.status, await answer.json()]).toEqual([200, {}]);
  const homes: (string | undefined)[] = [];
  for (let each = 0; each < SIGN_UPS; each++) homes.push(await users.homeOf(await users.insert()));
  expect(new Set(homes)).toEqual(new Set(["mongodb", "supabase"]));
});

test("who is deleted there leaves tasks that wake nobody", async () => {
  const ann = await newUser({ home: "ghost", on: database });
  expect((await callerOf(api, ann)("DELETE", "/me")).status).toBe(204);
  const due = async () =>
    (await callSystem<string[]>(service, "switchyard_due_databases", { p_queue: "purge" }))._unsafeUnwrap();
  expect(await due()).toEqual(["ghost", "mongodb", "supabase"]);
  const purged = await runPurges({ control: service, databases: [...registry.values()], log, clock: Date.now });
  expect(purged._unsafeUnwrap()).toEqual({ purged: 2, failed: 1 });
  expect(await due()).toEqual([]);
});
