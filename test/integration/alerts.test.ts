/** Alerts, from what is found to what the receiver hears: each beginning once, each end once. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { receiverIn } from "../../shared/operations/alerts.ts";
import { createAlertsEndpoint } from "../../shared/operations/alerts-endpoint.ts";
import { closeAll, createRegistry, type Registry } from "../../shared/placement/registry.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { RECEIVER_SECRET, startReceiver } from "../setup/alert-receiver.ts";
import { startOwnDatabase } from "../setup/own-database.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import type { TestSupabase } from "../setup/start-supabase.ts";

let supabase: TestSupabase;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
const registries: Registry[] = [];
/** one that reaches MongoDB, and one that does not */
let well: () => Promise<Response>;
let apart: () => Promise<Response>;
let silent: () => Promise<Response>;

beforeAll(async () => {
  supabase = await startOwnDatabase();
  receiver = await startReceiver();
  const endpoint = (mongoUri: string, more = {}) => {
    const config = loadFunctionConfig({
      SUPABASE_URL: supabase.url,
      SUPABASE_SECRET_KEY: supabase.secretKey,
      MONGODB_URI: mongoUri,
      ...PATIENT_VARIABLES,
      ...more,
    });
    const deadlines = deadlinesOf(config);
    const service = serviceClient(config, { timeoutMs: deadlines.callMs });
    const registry = createRegistry({ config, service, collections: allCollections, deadlines, appName: "test" });
    registries.push(registry);
    const fetch = createAlertsEndpoint({
      ...{ keys: [supabase.secretKey], service, registry, send: receiverIn(config) },
      ...{ probeMs: 60_000, walkMs: 60_000, log: createLog({ level: "silent" }) },
    });
    return () =>
      fetch(new Request("http://functions/alerts", { method: "POST", headers: { apikey: supabase.secretKey } }));
  };
  const heard = { ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: RECEIVER_SECRET };
  const mongoUri = await preparedMongo("alerts");
  well = endpoint(mongoUri, heard);
  // nobody listens there, however long it is waited for
  const away = { DATABASE_CONNECT_MS: "500" };
  apart = endpoint("mongodb://127.0.0.1:9/away", { ...heard, ...away });
  silent = endpoint("mongodb://127.0.0.1:9/away", away);
});
afterAll(async () => {
  for (const registry of registries) await closeAll(registry);
  await receiver?.stop();
  await supabase?.stop();
});
beforeEach(() => {
  receiver.answer(204);
  receiver.received.length = 0;
});
afterEach(() => supabase.sql("delete from switchyard.alerts"));

const each = async (statements: string) => {
  for (const statement of statements.split(";")) if (statement.trim() !== "") await supabase.sql(statement);
};
/** As if so many seconds had gone by. */
const later = (seconds: number) =>
  supabase.sql(
    `update switchyard.alerts set first_seen_at = first_seen_at - make_interval(secs => $1),
       clear_since = clear_since - make_interval(secs => $1)`,
    [seconds],
  );
const due = () => supabase.sql("update switchyard.alert_notices set due_at = now(), leased_until = null");
const told = () => receiver.received.map(({ type, data, status }) => `${type} ${data.kind} ${data.subject} ${status}`);
const open = async (run: () => Promise<Response>) => {
  const answer = await run();
  expect(answer.status).toBe(200);
  return (await answer.json()) as { open: number; told: number; refused: string | null };
};

test("nothing is wrong with a system that is well", async () => {
  expect(await open(well)).toEqual({ open: 0, told: 0, refused: null });
  expect(await supabase.sql("select kind, subject from switchyard.alerts")).toEqual([]);
});

test("a database that is away is told once, and once that it is back; not, that it was away for a moment", async () => {
  expect(await open(apart)).toMatchObject({ open: 0, told: 0 });
  await open(well);
  await later(61);
  // it was back in between
  expect(await open(apart)).toMatchObject({ open: 0, told: 0 });
  await later(61);
  expect(await open(apart)).toMatchObject({ open: 1, told: 1 });
  expect(await open(apart)).toMatchObject({ open: 1, told: 0 });
  // back, for a moment
  expect(await open(well)).toMatchObject({ open: 1, told: 0 });
  expect(await open(apart)).toMatchObject({ open: 1, told: 0 });
  await later(121);
  expect(await open(well)).toMatchObject({ open: 1, told: 0 });
  await later(121);
  expect(await open(well)).toMatchObject({ open: 0, told: 1 });
  expect(await open(well)).toMatchObject({ open: 0, told: 0 });
  expect(told()).toEqual(["alert.began database_down mongodb 204", "alert.ended database_down mongodb 204"]);
  const [began, ended] = receiver.received;
  expect(began?.data).toMatchObject({ detail: expect.stringContaining("MongoDB"), ended_at: null });
  expect(ended?.data).toMatchObject({ began_at: began?.data.began_at, ended_at: expect.any(String) });
});

test("a receiver that fails is told again, the same by the same id, until it has taken it; then the end", async () => {
  receiver.answer(500);
  await open(apart);
  await later(61);
  expect(await open(apart)).toEqual({ open: 1, told: 0, refused: "The receiver answered 500." });
  // not before it is due again, and not the end before the beginning
  await open(well);
  await later(121);
  expect(await open(well)).toMatchObject({ open: 0, told: 0, refused: null });
  await due();
  expect(await open(well)).toMatchObject({ told: 0, refused: "The receiver answered 500." });
  receiver.answer(204);
  await due();
  expect(await open(well)).toMatchObject({ told: 2, refused: null });
  expect(told()).toEqual([
    "alert.began database_down mongodb 500",
    "alert.began database_down mongodb 500",
    "alert.began database_down mongodb 204",
    "alert.ended database_down mongodb 204",
  ]);
  expect(new Set(receiver.received.slice(0, 3).map(({ id }) => id)).size).toBe(1);
});

test("many who look at once tell once", async () => {
  await open(apart);
  await later(61);
  const all = await Promise.all(Array.from({ length: 6 }, () => open(apart)));
  expect(all.reduce((sum, one) => sum + one.told, 0)).toBe(1);
  expect(told()).toEqual(["alert.began database_down mongodb 204"]);
});

test("without a receiver alerts are listed, and nobody is told later of what began before there was one", async () => {
  await open(silent);
  await later(61);
  expect(await open(silent)).toEqual({ open: 1, told: 0, refused: null });
  expect(await open(apart)).toMatchObject({ open: 1, told: 0 });
  await open(well);
  await later(121);
  expect(await open(well)).toMatchObject({ open: 0, told: 0 });
  expect(receiver.received).toEqual([]);
});

test("near the limit, dead rows, a copy that is behind, purges and moves that wait, and broken books are each found", async () => {
  const found = async () => {
    await open(well);
    await later(61);
    await open(well);
    const rows = await supabase.sql<{ kind: string; subject: string; detail: string }>(
      "select kind, subject, detail from switchyard.alerts where began_at is not null order by kind, subject",
    );
    return rows.map(({ kind, subject }) => `${kind} ${subject}`);
  };
  const user = crypto.randomUUID();
  await each(`
    update switchyard.databases set capacity_users = 10, user_count = 8 where name = 'mongodb';
    update switchyard.replication set is_on = true;
    insert into switchyard.replication_failures (collection, row_id, error, is_dead, due_at)
      values ('customers', '${user}', 'planted', true, now());
    insert into switchyard.marks (collection, row_id, marked_at) values ('customers', '${user}', now() - interval '5 minutes');
    insert into switchyard.tasks (queue, database, subject, payload, created_at, due_at, last_error)
      values ('purge', 'mongodb', '${user}', '{"run": 1}', now() - interval '2 hours', now(), 'planted');
    insert into switchyard.moves (user_id, source, target, epoch, reason, created_at)
      values ('${user}', 'supabase', 'mongodb', 1, 'planted', now() - interval '1 hour');
    update switchyard.ledger_watch set walked_at = now() - interval '1 hour', last_offences = 1, last_said = 'planted', offences = 1;
  `);
  try {
    expect(await found()).toEqual([
      "database_full mongodb",
      "ledger_broken ledger",
      "moves_stuck moves",
      "purges_overdue mongodb",
      "replication_dead copy",
      "replication_lag copy",
    ]);
    expect(told().every((line) => line.startsWith("alert.began"))).toBe(true);
    expect(told()).toHaveLength(6);
  } finally {
    await each(`
      update switchyard.databases set capacity_users = null, user_count = 0 where name = 'mongodb';
      update switchyard.replication set is_on = false;
      delete from switchyard.replication_failures; delete from switchyard.marks; delete from switchyard.tasks;
      delete from switchyard.moves;
      update switchyard.ledger_watch set walked_at = now() - interval '1 hour', offences = 0, next = null;
    `);
  }
  await open(well);
  await later(301);
  expect(await open(well)).toMatchObject({ open: 0 });
  expect(told()).toHaveLength(12);
});

test("it wants the secret key", async () => {
  const { fetch } = { fetch: createAlertsEndpoint({ keys: ["key"] } as never) };
  expect((await fetch(new Request("http://functions/alerts", { method: "POST" }))).status).toBe(401);
  expect((await fetch(new Request("http://functions/alerts"))).status).toBe(405);
});
