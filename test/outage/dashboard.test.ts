/**
 * Dashboards at random among writes, over two instances that share one Redis, which is killed, started again empty, and paused in
 * the middle of them (test/servers/dashboard.test.ts has their lines fail).
 */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createDashboardPlay, FUNDS, PEOPLE, type Person, roundOf } from "../setup/dashboard-histories.ts";
import { partOf } from "../setup/effort.ts";
import { replay } from "../setup/histories.ts";
import { HANGS_MS, PATIENT, PATIENT_VARIABLES } from "../setup/patience.ts";
import type { Instance } from "./instance.ts";
import { control, servers } from "./servers.ts";
import { HOMES, type OutageSystem, startOutageSystem } from "./system.ts";

const SIZE = 60;
const ROUNDS = 4;
const HISTORIES = partOf(4);

let system: OutageSystem;
let instances: Instance[];
beforeAll(async () => {
  system = await startOutageSystem();
  const more = { ...PATIENT_VARIABLES, REDIS_URL: servers().redisUrl };
  instances = [await system.instance(more), await system.instance(more)];
});
afterAll(() => system?.stop());
const restore = async () => {
  await control("resume", "redis").catch(() => undefined);
  await control("start", "redis");
};
afterEach(restore);

async function newPerson(_: unknown, at: number): Promise<Person> {
  const user = await system.user(HOMES[at % 2] ?? "supabase");
  const send = async (url: string, jwt: string, method: string, path: string, body?: object) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, value: text ? JSON.parse(text) : undefined };
  };
  const first = instances[0]?.url ?? "";
  const { value } = await send(first, user.jwt, "POST", "/api/ledger/accounts", { asset: "EUR" });
  const admin = await system.user("supabase", { role: "admin" });
  const deposit = { account: value.id, amount: FUNDS };
  expect((await send(first, admin.jwt, "POST", "/api/admin/ledger/deposits", deposit)).status).toBe(201);
  return {
    id: user.id,
    account: value.id,
    send: (instance, method, path, body) => send(instances[instance]?.url ?? "", user.jwt, method, path, body),
  };
}

const isUsed = async () => {
  const healths = await Promise.all(
    instances.map(
      async ({ url }) => (await fetch(`${url}/api/health`)).json() as Promise<{ redis?: { connected: boolean } }>,
    ),
  );
  return healths.every(({ redis }) => redis?.connected === true);
};
const steps = fc.constantFrom<readonly ("kill" | "start" | "pause")[]>([], ["kill"], ["kill", "start"], ["pause"]);

test(
  "nobody sees less than was acknowledged, or an error, whenever Redis is killed or paused",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(roundOf(steps, SIZE), { minLength: ROUNDS, maxLength: ROUNDS }), async (rounds) => {
        const people = await Promise.all(Array.from({ length: PEOPLE }, newPerson));
        const { play, lookAgain, broken } = createDashboardPlay(people);
        for (const { interleavings, faultAt, fault } of rounds) {
          await play(interleavings, faultAt, async () => {
            for (const action of fault) await control(action, "redis");
          });
          await restore();
          await expect.poll(isUsed, PATIENT).toBe(true);
          await lookAgain();
          expect(broken).toEqual([]);
        }
      }),
      { numRuns: HISTORIES, endOnFailure: true, ...replay() },
    );
  },
  HANGS_MS,
);
