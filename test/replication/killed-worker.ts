/**
 * A process that replicates, and ends itself (SIGKILL, nothing is cleaned up) at the step that it is told:
 * `node killed-worker.ts <worker|collector|backfill|repair|restore> <step> <url> <key> <replica uri>`.
 */
import { MongoClient } from "mongodb";
import type { Collection } from "../../shared/definition/define.ts";
import { createLog } from "../../shared/log.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { backfill } from "../../shared/replication/backfill.ts";
import { copyBothWays } from "../../shared/replication/both-ways.ts";
import { createCollector } from "../../shared/replication/collector.ts";
import { twoWayIn } from "../../shared/replication/mongo-side.ts";
import { demote, promote, promotedIn } from "../../shared/replication/promotion.ts";
import { repairCollection } from "../../shared/replication/repair.ts";
import { restore } from "../../shared/replication/restore.ts";
import { supabaseSource } from "../../shared/replication/source.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { createReplicationWorker } from "../../shared/replication/worker.ts";
import { copied, notes, senders, sideOf } from "./collections.ts";

const [what, step, url = "", key = "", replicaUri = ""] = process.argv.slice(2);
const at = (reached: string) => {
  if (reached === step) process.kill(process.pid, "SIGKILL");
};
const mongo = new MongoClient(replicaUri);
const source = supabaseSource(serviceClient({ SUPABASE_URL: url, SUPABASE_SECRET_KEY: key }), copied);
const side = sideOf(mongo);
const worker = createReplicationWorker({
  source,
  mongo: side,
  collections: copied,
  log: createLog({ level: "silent" }),
  limit: 7,
  ...(what === "worker" && { at }),
});
const collector = createCollector({
  source,
  mongo: side,
  collections: twoWayIn(copied),
  log: createLog({ level: "silent" }),
  limit: 7,
  promoted: promotedIn({ source, mongo: side, collections: copied }),
  ...(what === "collector" && { at }),
});
const repair = async (collection: Collection) => {
  const found = await verifyCollection({ source, mongo: side, collection, deep: true, patienceMs: 0 });
  if (found.isErr()) return found;
  return repairCollection({ source, mongo: side, collection, at }, found.value.differences);
};
const works: Record<string, () => Promise<{ isOk(): boolean }>> = {
  worker: () => worker.run(),
  collector: () => collector.run(),
  backfill: () => backfill({ source, worker, collector, mongo: side, collections: copied, limit: 7, at }),
  repair: () => repair(senders),
  "repair back": () => repair(notes),
  promote: () => promote({ source, mongo: side, collection: senders, force: true, at }),
  demote: () =>
    demote({
      ...{ source, mongo: side, collection: senders, requestMs: 0, at },
      copy: () => copyBothWays({ worker, collector }),
    }),
  restore: () => restore({ source, mongo: side, collections: copied, limit: 7, at }),
};
const done = await works[what ?? ""]?.();
await mongo.close();
// nobody is to take it for one that was killed
process.exit(done?.isOk() ? 0 : 1);
