/**
 * Supabase is away for good: the operator makes the copy what is written, users go on, and when Supabase is back everything is
 * brought home. By the commands and through the API, as it is done.
 */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import type { Environment } from "../../shared/config.ts";
import { PATIENT } from "../setup/patience.ts";
import type { TestUser } from "../setup/users.ts";
import { type FailingSystem, type Instance, startFailingSystem } from "./system.ts";

const DEADLINE_MS = 20_000;

let system: FailingSystem;
let mina: TestUser;
let instance: Instance;
/** reach everything, or, during the outage, what the API reaches */
let env: Environment;
let lost: Environment;
beforeAll(async () => {
  system = await startFailingSystem();
  const { url, secretKey } = system.supabase;
  // that is how long one who brings all home waits for requests that are under way
  env = { SUPABASE_URL: url, SUPABASE_SECRET_KEY: secretKey, MONGODB_URI: system.mongo, REQUEST_DEADLINE_MS: "2500" };
  lost = { ...env, SUPABASE_URL: `http://127.0.0.1:${system.proxies.supabase.port}` };
  await command("db prepare mongodb");
  await command("replication backfill");
  mina = await system.user("mongodb");
  instance = system.instance(DEADLINE_MS, DEADLINE_MS, { replicate: async () => {} });
});
afterAll(() => system?.stop());

async function command(line: string, over: Environment = {}) {
  const out: string[] = [];
  const io = { env: { ...env, ...over }, out: (text: string) => out.push(text), err: (text: string) => out.push(text) };
  return { code: await runCommand(line.split(" "), io), out: out.join("\n") };
}

const ask = async (method: string, path: string, body?: unknown) => {
  const headers = { "content-type": "application/json" };
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const answer = await instance.request(path, mina, init);
  const text = await answer.text();
  return { status: answer.status, text, value: text.startsWith("{") ? JSON.parse(text) : undefined };
};

test("customers and payments go on in the copy, and come home", async () => {
  const anna = (await ask("POST", "/api/customers", { name: "Anna" })).value;
  const payments = `/api/customers/${anna.id}/payments`;
  const payment = (amount: string) => ({ amount, currency: "EUR", date: "2026-11-20" });
  expect((await ask("POST", payments, payment("10"))).status).toBe(201);
  // it is there, and the operator has not lost their head
  expect(await command("replication promote all mongodb")).toMatchObject({
    code: 1,
    out: expect.stringMatching(/Supabase answers/),
  });
  expect((await command("replication backfill")).code).toBe(0);
  // what nobody will have copied
  expect((await ask("PATCH", `/api/customers/${anna.id}`, { phone: "1" })).status).toBe(200);

  await system.proxies.supabase.set("refuse");
  expect((await ask("POST", payments, payment("5"))).status).toBe(503);
  const promoted = await command("replication promote all mongodb", lost);
  expect(promoted, promoted.out).toMatchObject({ code: 0, out: expect.stringMatching(/replication demote/) });

  await vi.waitUntil(async () => (await ask("POST", payments, payment("5"))).status === 201, PATIENT);
  expect((await ask("PATCH", `/api/customers/${anna.id}`, { email: "anna@example.org" })).status).toBe(200);
  const ben = (await ask("POST", "/api/customers", { name: "Ben" })).value;
  expect((await ask("POST", `/api/customers/${ben.id}/payments`, payment("7"))).status).toBe(201);
  expect((await ask("GET", `/api/customers/${anna.id}`)).value.balance).toEqual([{ currency: "EUR", amount: "15.00" }]);
  // references hold there, too
  expect((await ask("DELETE", `/api/customers/${ben.id}`)).status).toBe(409);
  expect((await command("replication demote all", lost)).code).toBe(1);

  await system.proxies.supabase.set("pass");
  expect((await command("replication status")).out).toMatch(
    /customers is written in its copy since .* demote customers/,
  );
  const home = await command("replication demote all");
  expect(home, home.out).toMatchObject({ code: 0, out: expect.stringMatching(/customers is home/) });
  await vi.waitUntil(async () => (await ask("POST", payments, payment("1"))).status === 201, PATIENT);
  const { data } = await await fetch(`${env.SUPABASE_URL}/rest/v1/payments?select=amount&customer_id=eq.${anna.id}`, {
    headers: { apikey: system.supabase.publishableKey, authorization: `Bearer ${mina.jwt}` },
  }).then(async (answer) => ({ data: (await answer.json()) as { amount: number }[] }));
  expect(data.map(({ amount }) => Number(amount)).sort((a, b) => a - b)).toEqual([1, 5, 10]);
  const rows = await system.supabase.sql<{ other: { row: { phone: string } } }>(
    "select other from switchyard.conflicts",
  );
  expect(rows.map(({ other }) => other.row.phone)).toEqual(["1"]);
  // nobody else copies here
  expect((await command("replication backfill")).code).toBe(0);
  expect(await command("replication verify --deep")).toMatchObject({ code: 0 });
});
