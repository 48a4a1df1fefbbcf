/** Several instances of the API on one MongoDB database: each has a client of its own, as serverless functions have. */
import { MongoClient } from "mongodb";
import type { Collection } from "../../shared/definition/define.ts";
import { mongoRepositories, type Repositories } from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { openDatabase, type TestDatabase } from "./mongo-database.ts";

export interface Instances extends TestDatabase {
  /** the repositories of a user, of the instance with this number */
  as(userId: string, instance?: number): Repositories["repository"];
}

/** The first is the one whose commands are watched. */
export async function openInstances(purpose: string, count: number, all: readonly Collection[]): Promise<Instances> {
  const database = await openDatabase(purpose, all);
  const name = database.db.databaseName;
  const others = Array.from({ length: count - 1 }, () => new MongoClient(mongoUriFor(name)));
  const databases = [database.db, ...others.map((client) => client.db(name))];
  return {
    ...database,
    as: (userId, instance = 0) =>
      mongoRepositories({ db: databases[instance] ?? database.db, userId, all, maxTimeMs: 15_000 }).repository,
    async close() {
      await Promise.all(others.map((client) => client.close()));
      await database.close();
    },
  };
}
