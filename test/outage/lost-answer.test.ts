/** The server has done it, and the connection is cut before the client knows: it asks again with the same key. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startProxy, type TcpProxy } from "../failure/proxy.ts";
import type { Home, TestUser } from "../setup/users.ts";
import type { Instance } from "./instance.ts";
import { ask, faultsOf } from "./requests.ts";
import { HOMES, type OutageSystem, startOutageSystem } from "./system.ts";

let system: OutageSystem;
let instance: Instance;
let front: TcpProxy;
beforeAll(async () => {
  system = await startOutageSystem();
  instance = await system.instance();
  front = await startProxy(instance.url);
});
afterAll(async () => {
  await front?.stop();
  await system?.stop();
});

/** A record that refers to another, so that MongoDB's create takes more than one call. */
async function newExpense(user: TestUser) {
  const { body } = await ask(instance.url, user, "/api/categories", { body: { name: randomUUID(), kind: "expense" } });
  return { amount: "12.50", currency: "EUR", date: "2026-03-14", category_id: String(body.id) };
}
const count = async (user: TestUser) => (await ask(instance.url, user, "/api/expenses/count")).body.count;

describe.each(HOMES)("%s", (home: Home) => {
  test("cut between the client and the API: one record, the same answer", async () => {
    const user = await system.user(home);
    const sent = { body: await newExpense(user), headers: { "idempotency-key": randomUUID() } };
    const url = `http://127.0.0.1:${front.port}`;
    const lost = front.loseAnswerTo(/^POST \/api\/expenses/);
    expect((await ask(url, user, "/api/expenses", sent)).status).toBe(0);
    await lost;
    const kept = (await ask(instance.url, user, "/api/expenses")).body.items;
    const again = await ask(url, user, "/api/expenses", sent);
    expect([again.status, [again.body]]).toEqual([201, kept]);
    expect(await count(user)).toBe(1);
    const third = await ask(url, user, "/api/expenses", sent);
    expect([third.status, third.body, third.headers.get("etag")]).toEqual([201, again.body, again.headers.get("etag")]);
    expect(await count(user)).toBe(1);
  });

  test("cut between the API and the database: refused, then one record", async () => {
    const user = await system.user(home);
    const sent = { body: await newExpense(user), headers: { "idempotency-key": randomUUID() } };
    const lost = system.proxies[home].loseAnswerTo(/^insert$|rpc\/records_create|insert into/);
    const first = await ask(instance.url, user, "/api/expenses", sent);
    await lost;
    expect(faultsOf(first)).toEqual([]);
    const again = await ask(instance.url, user, "/api/expenses", sent);
    expect(again.status).toBe(201);
    expect(await count(user)).toBe(1);
    const { id } = again.body as { id: string };
    expect((await ask(instance.url, user, `/api/expenses/${id}`)).body).toEqual(again.body);
    const third = await ask(instance.url, user, "/api/expenses", sent);
    expect([third.status, third.body]).toEqual([201, again.body]);
    expect(await count(user)).toBe(1);
  });
});
