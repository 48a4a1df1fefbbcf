/**
 * Calls on connections that MongoDB has closed a moment ago. There is a turn of the event loop in which the socket is
 * destroyed already and the driver has not been told: what it writes then is lost without an error, and it waits for ever.
 * All connections of an idle instance can fall into that turn at once.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { expenses } from "../../shared/collections/expenses.ts";
import { createMongoConnection, type MongoConnection, STUCK_MS } from "../../shared/mongo/connection.ts";
import { mongoRepositories } from "../../shared/mongo/index.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";

const POOL = 2;
const WAIT = { timeout: 10_000 };

let proxy: TcpProxy;
let connection: MongoConnection;
let now = 0;
/** of each client that was made, the connections that calls hold */
const held: Set<number | "<monitor>">[] = [];
beforeAll(async () => {
  const uri = new URL(mongoUriFor(`ended_${randomUUID().slice(0, 8)}`));
  proxy = await startProxy(uri.href);
  uri.host = `127.0.0.1:${proxy.port}`;
  uri.searchParams.set("directConnection", "true");
  connection = createMongoConnection(
    { MONGODB_URI: uri.href },
    {
      appName: "ended-connection",
      maxPoolSize: POOL,
      clock: () => now,
      onClient: (client) => {
        const mine: (typeof held)[number] = new Set();
        held.push(mine);
        client.on("connectionCheckedOut", ({ connectionId }) => mine.add(connectionId));
        client.on("connectionCheckedIn", ({ connectionId }) => mine.delete(connectionId));
      },
    },
  );
});
afterAll(async () => {
  await connection?.close();
  await proxy?.stop();
});

/** The codes that as many calls as the pool has connections end with. */
const ask = () => Promise.all(Array.from({ length: POOL }, read));
async function read(): Promise<string> {
  const { repository } = mongoRepositories({ db: connection.db(), userId: randomUUID() });
  const answer = await repository(expenses).get(randomUUID());
  return answer.match(
    () => "found",
    ({ code }) => code,
  );
}
const serves = async () => (await ask()).every((code) => code === "not_found");

/** Closes all connections, and calls so many turns later. Resolves when the calls that end have ended. */
async function callAcrossTheEnd(turns: number): Promise<void> {
  await vi.waitUntil(serves, WAIT);
  const gone = proxy.set("refuse");
  for (let passed = 0; passed < turns; passed++) await turn();
  let ended = 0;
  for (let call = 0; call < POOL; call++) void read().then(() => ended++);
  await gone;
  await proxy.set("pass");
  // those that hold a connection end as it is closed, or never
  await vi.waitUntil(() => ended === POOL, { timeout: 500 }).catch(() => undefined);
}

test("calls that wait for ever do not keep the pool's connections from the others", async () => {
  const stuck = () => held[0]?.size ?? 0;
  // a driver that has been mended lets this fail: then nobody needs to look for such calls any more
  for (let round = 0; stuck() < POOL && round < 8; round++) await callAcrossTheEnd((round + 2) % 4);
  expect(stuck()).toBe(POOL);
  expect(new Set(await ask())).toEqual(new Set(["busy"]));
  now += STUCK_MS + 1;
  await vi.waitUntil(serves, WAIT);
  expect(held.map(({ size }) => size)).toEqual([POOL, 0]);
});
