/** A database of a test file's own on the run's MongoDB server, ready to be used. */
import { randomUUID } from "node:crypto";
import type { Db } from "mongodb";
import { allCollections } from "../../shared/collections/index.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { databaseName, replicaDatabaseName } from "../../shared/mongo/database-name.ts";
import { prepareMongo, REPLICA } from "../../shared/mongo/prepare.ts";
import { replicaName } from "../../shared/mongo/replica.ts";
import { copiedTo, keptIn } from "../../shared/placement/kept-collections.ts";
import type { Self } from "../../shared/repository/database.ts";
import { MONGODB } from "./repositories.ts";
import { mongoUriFor } from "./servers.ts";

/** As `switchyard db prepare` does: the home, and the database of the copies beside it. */
export async function prepareHome(db: Db, self: Self = MONGODB): Promise<void> {
  await prepareMongo(db, keptIn(self.name, allCollections), self);
  const copies = copiedTo(self.name, allCollections);
  if (copies.length > 0)
    await prepareMongo(replicaOf(db), copies, { name: replicaName(self.name), site: self.site }, REPLICA);
}

/** The database of the copies beside that home. */
export const replicaOf = (db: Db): Db => db.client.db(replicaDatabaseName("", db.databaseName));

/** Both of a home. */
export async function dropHome(db: Db): Promise<void> {
  await replicaOf(db).dropDatabase();
  await db.dropDatabase();
}

/** Its URL; the database goes when the server does. */
export async function preparedMongo(prefix: string, self: Self = MONGODB): Promise<string> {
  const url = mongoUriFor(`${prefix}_${randomUUID().slice(0, 8)}`);
  const client = createMongoClient(url, { appName: "switchyard-test" });
  await prepareHome(client.db(databaseName(url)), self).finally(() => client.close());
  return url;
}
