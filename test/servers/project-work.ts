/** Everything that the project asks MongoDB for beside what the contract's suite does: histories, and the system's work. */

import type { SupabaseClient } from "@supabase/supabase-js";
import fc from "fast-check";
import { type MongoClient, UUID } from "mongodb";
import { homeCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { purgeDocuments } from "../../shared/mongo/purge.ts";
import { runPurges } from "../../shared/placement/purge.ts";
import { Living } from "../property/living.ts";
import { operations } from "../property/operations.ts";
import { type AnyRepository, Side } from "../property/side.ts";
import { MONGODB, mongoRepositories } from "../setup/repositories.ts";

/** Random histories of two owners; what they answer is another test's matter. */
export async function runHistories(client: MongoClient, count: number, steps: number): Promise<string[]> {
  const history = fc.array(operations(), { minLength: steps, maxLength: steps });
  const owners: string[] = [];
  for (const drawn of fc.sample(history, count)) {
    const living = new Living();
    const users = [crypto.randomUUID(), crypto.randomUUID()];
    owners.push(...users);
    const side = new Side(
      (owner, newId) => {
        const userId = users[owner] ?? "";
        const { repository } = mongoRepositories({ db: client.db(), userId, newId });
        return { userId, repository: (collection) => repository(collection) as unknown as AnyRepository };
      },
      living,
      homeCollections,
    );
    for (const operation of drawn) living.follow(operation, await side.run(operation));
  }
  return owners;
}

/** Prepares again, counts for the admins, purges a user. */
export async function runSystemWork(client: MongoClient, deletedUser: string): Promise<void> {
  const db = client.db();
  await prepareMongo(db, homeCollections, MONGODB);
  const service = supabaseWith([{ id: 1, subject: deletedUser, attempts: 1 }]);
  await client.db("admin").command({ ping: 1 });
  await Promise.all(homeCollections.map(({ name }) => db.collection(name).countDocuments({ _deleted_at: null })));
  const log = createLog({ level: "error", write: () => {} });
  const purge = (userId: string) => purgeDocuments(db, homeCollections, userId);
  const databases = [{ name: "mongodb", title: "MongoDB", system: { purge } }];
  const purged = await runPurges({ control: service, databases, log, clock: Date.now });
  const left = await db.collection("categories").countDocuments({ "_id.user_id": new UUID(deletedUser) });
  if (purged.isErr() || purged.value.purged !== 1 || left > 0) throw new Error("the user was not purged");
}

/** As much of Supabase as these need: purges that are due in MongoDB, and nothing else. */
function supabaseWith(due: { id: number; subject: string; attempts: number }[]): SupabaseClient {
  const answers: Record<string, (parameters: Record<string, unknown>) => unknown> = {
    switchyard_due_databases: () => ["mongodb"],
    switchyard_claim_tasks: () => due.splice(0),
    switchyard_finish_task: () => true,
    switchyard_stats: () => ({ user_distribution: {}, total_users: 0, collections: {} }),
  };
  const rpc = async (name: string, parameters: Record<string, unknown> = {}) => ({
    data: answers[name]?.(parameters) ?? null,
    error: null,
  });
  return { rpc } as unknown as SupabaseClient;
}
