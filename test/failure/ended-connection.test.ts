/**
 * Calls on connections that MongoDB has closed a moment ago. There is a turn of the event loop in which the socket is
 * destroyed already and the driver has not been told: what it writes then is lost without an error, and it waits for ever.
 * All connections of an idle instance can fall into that turn at once.
 */

import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { expenses } from "../../shared/collections/expenses.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createMongoConnection, type MongoConnection } from "../../shared/mongo/connection.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { mongoRepositories } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";
import { atSomeScale, TooSlow } from "./scale.ts";

const POOL = 2;

let proxy: TcpProxy;
let connection: MongoConnection | undefined;
let now = 0;
/** of each client that was made, the connections that calls hold */
const held: Set<number | "<monitor>">[] = [];
beforeAll(async () => {
  proxy = await startProxy(mongoUriFor(""));
});
afterAll(async () => {
  await connection?.close();
  await proxy?.stop();
});

/** Anew; calls that get no connection give up after so long. */
async function connect(connectMs: number): Promise<void> {
  await connection?.close();
  held.length = 0;
  const uri = new URL(mongoUriFor(`ended_${randomUUID().slice(0, 8)}`));
  uri.host = `127.0.0.1:${proxy.port}`;
  uri.searchParams.set("directConnection", "true");
  connection = createMongoConnection(uri.href, databaseName(uri.href), {
    appName: "ended-connection",
    maxPoolSize: POOL,
    deadlines: deadlinesOf({ DATABASE_CONNECT_MS: connectMs }),
    clock: () => now,
    onClient: (client) => {
      const mine: (typeof held)[number] = new Set();
      held.push(mine);
      client.on("connectionCheckedOut", ({ connectionId }) => mine.add(connectionId));
      client.on("connectionCheckedIn", ({ connectionId }) => mine.delete(connectionId));
    },
  });
}

/** The codes that as many calls as the pool has connections end with. */
const ask = () => Promise.all(Array.from({ length: POOL }, read));
async function read(): Promise<string> {
  if (!connection) throw new Error("not connected");
  const { repository } = mongoRepositories({ db: connection.db(), userId: randomUUID() });
  const answer = await repository(expenses).get(randomUUID());
  return answer.match(
    () => "found",
    ({ code }) => code,
  );
}
/** After a few tries: a connection that was cut is noticed by the call that meets it. */
async function serve(): Promise<void> {
  for (let tries = 0; tries < 20; tries++) if ((await ask()).every((code) => code === "not_found")) return;
  throw new TooSlow("no connection in time");
}
const stuck = () => held[0]?.size ?? 0;

/** Closes all connections, and calls so many turns later. Resolves when the calls that end have ended, or in a while. */
async function callAcrossTheEnd(turns: number, whileMs: number): Promise<void> {
  await serve();
  const gone = proxy.set("refuse");
  for (let passed = 0; passed < turns; passed++) await turn();
  let ended = 0;
  for (let call = 0; call < POOL; call++) void read().then(() => ended++);
  await gone;
  await proxy.set("pass");
  // those that hold a connection end as it is closed, or never
  await vi.waitUntil(() => ended === POOL, { timeout: whileMs }).catch(() => undefined);
}

test("calls that wait for ever do not keep the pool's connections from the others", () =>
  atSomeScale(async (deadlineMs) => {
    await connect(deadlineMs);
    // a driver that has been mended lets this fail: then nobody needs to look for such calls any more
    for (let round = 0; stuck() < POOL && round < 8; round++) await callAcrossTheEnd((round + 2) % 4, deadlineMs);
    expect(stuck()).toBe(POOL);
    const refused = new Set(await ask());
    // they have ended after all: slow ones, not stuck ones
    if (stuck() < POOL) throw new TooSlow("calls that were late");
    expect(refused).toEqual(new Set(["busy"]));
    now += deadlinesOf().stuckMs + 1;
    await serve();
    expect(held.map(({ size }) => size)).toEqual([POOL, 0]);
  }));
