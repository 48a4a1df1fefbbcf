/** Owners who are at home in both databases, which only a test can have: one user id, with a token and without. */

import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { MONGODB, mongoRepositories, postgresRepositories } from "../setup/repositories.ts";
import { newUser } from "../setup/users.ts";
import { History } from "./history.ts";
import type { AnyRepository } from "./side.ts";

export interface TwoDatabases {
  /** A history of owners who have nothing yet. */
  begin(): Promise<History>;
  close(): Promise<void>;
}

const OWNERS = [0, 1];

export async function twoDatabases(
  supabase: RunningSupabase,
  mongoUri: string,
  collections: readonly Collection[],
): Promise<TwoDatabases> {
  const client = createMongoClient(mongoUri, { appName: "switchyard-property" });
  const db = client.db();
  await prepareMongo(db, collections, MONGODB);
  const config = { SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };

  return {
    async begin() {
      const users = await Promise.all(OWNERS.map(() => newUser({ home: "supabase", on: supabase })));
      const userOf = (owner: number) => users[owner % users.length] as (typeof users)[number];
      return new History(
        (owner, newId) => {
          const { id: userId, jwt } = userOf(owner);
          const { repository } = postgresRepositories({
            client: userClient(config, jwt),
            userId,
            newId,
          });
          return (collection) => repository(collection) as unknown as AnyRepository;
        },
        (owner, newId) => {
          const { repository } = mongoRepositories({
            db,
            userId: userOf(owner).id,
            newId,
            all: collections,
          });
          return (collection) => repository(collection) as unknown as AnyRepository;
        },
        collections,
      );
    },
    async close() {
      await db.dropDatabase();
      await client.close();
    },
  };
}
