/** What the first start shows of both sides, on a machine so slow that MongoDB took what was meant for Supabase. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { copyTable } from "../../scripts/dev/copy-table.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { value } from "../contract/store.ts";
import { PATIENT } from "../setup/patience.ts";
import { copied } from "./collections.ts";
import { createNote } from "./note.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
beforeAll(async () => {
  system = await startReplication();
  value(await system.backfill());
});
afterAll(() => system?.stop());

test("waits for what MongoDB has and Supabase has not", async () => {
  await createNote(system).make();
  const { url, secretKey, sql } = system.supabase;
  const service = serviceClient({ SUPABASE_URL: url, SUPABASE_SECRET_KEY: secretKey });
  const asked = vi.spyOn(service, "rpc");
  const table = copyTable({
    ...{ sql, service, collections: copied, deadlines: deadlinesOf(), log: createLog({ level: "silent" }) },
    config: {
      databases: [{ name: "mongodb", kind: "mongodb", variable: "MONGODB_URI", url: system.replicaUri }],
      MONGODB_DATABASE: system.home.databaseName,
      MONGODB_REPLICA_DATABASE: system.replica.databaseName,
    },
    cancel: new AbortController().signal,
    waitMs: Number.POSITIVE_INFINITY,
  });
  // it has looked twice, and found nothing pending in Supabase
  await vi.waitUntil(() => asked.mock.calls.length > 1, PATIENT);
  expect(await system.sql("select id from public.notes")).toEqual([]);
  await system.drain();
  expect((await table).find((line) => line.startsWith("notes"))).toMatch(/^notes +1 +1$/);
});
