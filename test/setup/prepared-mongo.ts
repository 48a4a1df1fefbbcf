/** A database of a test file's own on the run's MongoDB server, ready to be used. */
import { randomUUID } from "node:crypto";
import { allCollections } from "../../shared/collections/index.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { databaseName } from "../../shared/mongo/database-name.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import type { Self } from "../../shared/repository/database.ts";
import { MONGODB } from "./repositories.ts";
import { mongoUriFor } from "./servers.ts";

/** Its URL; the database goes when the server does. */
export async function preparedMongo(prefix: string, self: Self = MONGODB): Promise<string> {
  const url = mongoUriFor(`${prefix}_${randomUUID().slice(0, 8)}`);
  const client = createMongoClient(url, { appName: "switchyard-test" });
  await prepareMongo(client.db(databaseName(url)), allCollections, self).finally(() => client.close());
  return url;
}
