/**
 * Owners of histories in every kind of home, by every way, which the product itself keeps apart: one user id in several
 * databases, with a token and without.
 */
import type { Collection } from "../../shared/definition/define.ts";
import { createMongoClient } from "../../shared/mongo/client.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { userClient } from "../../shared/postgres/client.ts";
import { claimsOf } from "../../shared/postgres/direct/claims.ts";
import { createPostgresConnection } from "../../shared/postgres/direct/connection.ts";
import type { Self } from "../../shared/repository/database.ts";
import { startDataPlane } from "../setup/data-plane.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import {
  ATLAS,
  directRepositories,
  MONGODB,
  mongoRepositories,
  NEON,
  postgresRepositories,
  type Repositories,
} from "../setup/repositories.ts";
import { mongoUriFor } from "../setup/servers.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { createBookings } from "./bookings.ts";
import { History } from "./history.ts";
import type { AnyRepository, OpenOwner } from "./side.ts";

export interface Homes {
  /** A history of owners who have nothing yet. */
  begin(): Promise<History>;
  close(): Promise<void>;
}

/** One way to one home; owners are made for it, or are whoever they are elsewhere. */
interface Way {
  name: string;
  ownUsers?: boolean;
  repositories(user: TestUser, newId: () => string): Repositories;
}

const OWNERS = [0, 1];

/** All that can be had: on servers, two MongoDBs and two Postgres, of which Supabase's by both ways. */
export async function openHomes(collections: readonly Collection[]): Promise<Homes> {
  const closing: (() => Promise<unknown>)[] = [];
  const supabase = await startOwnDatabase();
  closing.push(supabase.stop);
  await createBookings(supabase);
  const ways: Way[] = [rest(supabase, collections)];

  const addMongo = async (self: Self) => {
    const uri = mongoUriFor(`property_${self.name}_${crypto.randomUUID().slice(0, 8)}`);
    const client = createMongoClient(uri, { appName: "switchyard-property" });
    const db = client.db();
    closing.push(
      () => client.close(),
      () => db.dropDatabase(),
    );
    await prepareMongo(db, collections, self);
    const { name, site } = self;
    ways.push({
      name,
      repositories: ({ id }, newId) => mongoRepositories({ db, userId: id, site, newId, all: collections }),
    });
  };
  const addPostgres = (name: string, url: string, home: string, ownUsers = false) => {
    const connection = createPostgresConnection(url, { appName: "switchyard-property" });
    closing.push(() => connection.close());
    ways.push({
      name,
      ownUsers,
      repositories: ({ id }, newId) =>
        directRepositories({ connection, claims: claimsOf(id, home, 1), newId, all: collections }),
    });
  };

  await addMongo(MONGODB);
  if (supabase.ownerUrl) {
    await addMongo(ATLAS);
    const plane = await startDataPlane();
    closing.push(plane.stop);
    await createBookings(plane);
    addPostgres(NEON.name, plane.url, NEON.name);
    // in the same database, so it has to be somebody else
    addPostgres("supabase_direct", supabase.ownerUrl, "supabase", true);
  }

  return {
    async begin() {
      const make = () => Promise.all(OWNERS.map(() => newUser({ home: "supabase", on: supabase })));
      const users = await make();
      const homes: Record<string, OpenOwner> = {};
      for (const { name, ownUsers, repositories } of ways) {
        const mine = ownUsers ? await make() : users;
        homes[name] = (owner, newId) => {
          const user = mine[owner] as TestUser;
          const { repository } = repositories(user, newId);
          return { userId: user.id, repository: (collection) => repository(collection) as unknown as AnyRepository };
        };
      }
      return new History(homes, collections);
    },
    async close() {
      for (const close of closing.reverse()) await close();
    },
  };
}

const rest = (on: OwnDatabase, all: readonly Collection[]): Way => ({
  name: "supabase",
  repositories: ({ id: userId, jwt }, newId) => {
    const config = { SUPABASE_URL: on.url, SUPABASE_PUBLISHABLE_KEY: on.publishableKey };
    return postgresRepositories({ client: userClient(config, jwt), userId, newId, all });
  },
});
