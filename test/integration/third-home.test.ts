/** Homes beside the two, which die: their users are told so, and the users of the others notice nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { FAILURES } from "../../shared/placement/breaker.ts";
import { type ApiInstance, startApi } from "../attack/api.ts";
import { callerOf } from "../attack/caller.ts";
import { type Mode, startProxy, type TcpProxy } from "../failure/proxy.ts";
import { atSomeScale, TooSlow } from "../failure/scale.ts";
import { startDataPlane } from "../setup/data-plane.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { ATLAS, NEON, SITES } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { newUser, type TestUser } from "../setup/users.ts";

const FAULTS: readonly Mode[] = ["refuse", "hang", "cut"];
/** A second MongoDB, and, where there are servers, a second Postgres. */
const THIRD = servers().dbUrl ? [ATLAS, NEON] : [ATLAS];
const NAMES = ["supabase", "mongodb", ...THIRD.map(({ name }) => name)] as const;

let database: OwnDatabase;
let mongoUri: string;
const proxies: Record<string, TcpProxy> = {};
const variables: Record<string, string> = {};
const users: Record<string, TestUser<string>> = {};
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await startOwnDatabase();
  closing.push(database.stop);
  mongoUri = await preparedMongo("third");
  for (const { name, site } of THIRD) {
    await database.sql("select public.switchyard_add_database($1, $2, $3::integer)", [
      name,
      name === ATLAS.name ? "mongodb" : "postgres",
      site,
    ]);
    await database.sql("update switchyard.databases set accepting = true, opened_at = now() where name = $1", [name]);
    const plane = name === ATLAS.name ? undefined : await startDataPlane();
    if (plane) closing.push(plane.stop);
    const url = new URL(plane?.url ?? (await preparedMongo("third_atlas", ATLAS)));
    const proxy = await startProxy(url.href);
    closing.push(proxy.stop);
    url.host = `127.0.0.1:${proxy.port}`;
    if (!plane) url.searchParams.set("directConnection", "true");
    proxies[name] = proxy;
    variables[`DATABASE_${name.toUpperCase()}`] = url.href;
  }
  for (const home of NAMES) users[home] = await newUser<string>({ home, on: database });
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});
const allPass = async () => {
  for (const proxy of Object.values(proxies)) await proxy.set("pass");
};
afterEach(allPass);

/** An instance whose requests end after so long, and which every home has served. */
const onInstance = (attempt: (api: ApiInstance) => Promise<void>) =>
  atSomeScale(async (ms) => {
    await allPass();
    const deadlines = { REQUEST_DEADLINE_MS: String(ms), DATABASE_CONNECT_MS: String(ms) };
    const api = await startApi({ on: database, mongoUri, more: { ...variables, ...deadlines } });
    try {
      for (const home of NAMES) if ((await use(api, home)) !== SERVED) throw new TooSlow();
      await attempt(api);
    } finally {
      await api.close();
    }
  });

const SERVED = "201 200";
/** Files a contact and reads it: both statuses. */
async function use(api: ApiInstance, home: string): Promise<string> {
  const call = callerOf(api, users[home] as TestUser<string>);
  const made = await call("POST", "/contacts", { name: "Ann" });
  if (made.status !== 201) return `${made.status} ${made.body.code} ${made.headers.get("retry-after") !== null}`;
  expect(made.body.version % 8).toBe(SITES[home as keyof typeof SITES]);
  return `${made.status} ${(await call("GET", `/contacts/${made.body.id}`)).status}`;
}
const refused = /^503 unavailable true$/;

describe.each(THIRD)("$name", ({ name }) => {
  test.each(FAULTS)("%s: its users are refused, nobody else notices, health names it, and it comes back", (fault) =>
    onInstance(async (api) => {
      await proxies[name]?.set(fault);
      const answers = await Promise.all(Array.from({ length: FAILURES }, () => use(api, name)));
      for (const answer of answers) expect(answer).toMatch(refused);
      await vi.waitUntil(() => api.lines.some((line) => line.includes("breaker_open")), PATIENT);
      for (const home of NAMES.filter((home) => home !== name))
        if ((await use(api, home)) !== SERVED) throw new TooSlow(home);
      // at once, and with nothing sent but one probe at most
      const before = proxies[name]?.received();
      const many = await Promise.all(
        Array.from({ length: 20 }, () => callerOf(api, users[name] as TestUser<string>)("GET", "/contacts")),
      );
      expect(many.filter(({ status, asked }) => status === 503 && asked.length === 0).length).toBeGreaterThanOrEqual(
        19,
      );
      expect([fault, (proxies[name]?.received() ?? 0) - (before ?? 0) < 2_000]).toEqual([fault, true]);

      const health = await callerOf(api, users.supabase as TestUser<string>)("GET", "/health");
      if (health.body.homes.filter(({ connected }: { connected: boolean }) => connected).length < NAMES.length - 1)
        throw new TooSlow("health");
      expect([health.status, health.body.status]).toEqual([200, "degraded"]);
      expect(health.body.message).toContain(`"${name}"`);
      expect(health.body.homes).toMatchObject(NAMES.map((home) => ({ name: home, connected: home !== name })));
      const opened = api.lines.filter((line) => line.includes("breaker_open"));
      expect(opened.map((line) => JSON.parse(line).database)).toEqual([name]);

      await proxies[name]?.set("pass");
      await vi.waitUntil(async () => (await use(api, name)) === SERVED, PATIENT);
    }),
  );
});
