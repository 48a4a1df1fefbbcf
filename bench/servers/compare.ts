/** Compares both sides of a collection, and scans both; then it is ready, with what that took. */
import { MongoClient } from "mongodb";
import { serviceClient } from "../../shared/postgres/client.ts";
import { supabaseSource } from "../../shared/replication/source.ts";
import { verifyCollection } from "../../shared/replication/verify.ts";
import { senders } from "../../test/replication/collections.ts";
import { pages } from "../source-pages.ts";
import { serveParent } from "./child.ts";

const PAGE = 5_000;

serveParent<{ url: string; key: string; replicaUri: string }>(async ({ url, key, replicaUri }) => {
  const mongo = new MongoClient(replicaUri);
  const replica = mongo.db();
  const source = supabaseSource(serviceClient({ SUPABASE_URL: url, SUPABASE_SECRET_KEY: key }), [senders]);
  const begin = performance.now();
  const { rows, differences } = (
    await verifyCollection({ source, mongo: { replica: () => replica, home: () => replica }, collection: senders })
  )._unsafeUnwrap();
  if (differences.length > 0) throw new Error(`${differences.length} rows differ`);
  const ms = performance.now() - begin;
  // of the comparison alone, before the bare scan
  const maxRssMb = process.resourceUsage().maxRSS / 1_024;
  const again = performance.now();
  for await (const _ of pages(source, PAGE, false));
  const cursor = replica
    .collection(senders.name)
    .find({}, { projection: { _seen: 1 }, sort: { _id: 1 }, batchSize: PAGE });
  for await (const _ of cursor);
  return { ready: { rows, ms, bareMs: performance.now() - again, maxRssMb }, stop: () => mongo.close() };
});
