/** One user's repositories over each engine's store alone, without a router before them. */
import { type Db, UUID } from "mongodb";
import { uuidv7 } from "uuidv7";
import { allCollections } from "../../shared/collections/index.ts";
import type { Repository } from "../../shared/contract/repository.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../../shared/definition/define.ts";
import { byName } from "../../shared/definition/per-collection.ts";
import { createMongoStore, type MongoStoreOptions } from "../../shared/mongo/store.ts";
import { createDirectStore, type DirectStoreOptions } from "../../shared/postgres/direct/store.ts";
import { createRestStore, type RestStoreOptions } from "../../shared/postgres/rest-store.ts";
import { createRepository } from "../../shared/repository/create-repository.ts";
import type { Self } from "../../shared/repository/database.ts";
import type { Store } from "../../shared/repository/store.ts";

/** As the rows of `switchyard.databases` say; of the last two only where a test has added them. */
export const SITES = { supabase: 1, mongodb: 2, atlas: 3, neon: 4 } as const;
export const MONGODB: Self = { name: "mongodb", site: SITES.mongodb };
/** a second MongoDB */
export const ATLAS: Self = { name: "atlas", site: SITES.atlas };
/** a Postgres that has nothing of Supabase's */
export const NEON: Self = { name: "neon", site: SITES.neon };

export interface Repositories {
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/** `store` is that user's. */
const repositoriesOver = (
  store: Store,
  userId: string,
  collections: readonly Collection[],
  newId: () => string = uuidv7,
): Repositories => ({
  repository: (collection) => createRepository(collection, store, { owner: userId, newId, collections }),
});

interface MongoGiven extends Partial<Omit<MongoStoreOptions, "db" | "userId" | "all">> {
  db: Db;
  userId: string;
  newId?: () => string;
  all?: readonly Collection[];
}

export const mongoRepositories = ({ newId, all = allCollections, ...given }: MongoGiven): Repositories =>
  repositoriesOver(
    createMongoStore({
      site: SITES.mongodb,
      maxTimeMs: deadlinesOf().queryMs,
      all: byName(all),
      ...given,
    }),
    given.userId,
    all,
    newId,
  );

interface RestGiven extends Omit<RestStoreOptions, "all"> {
  newId?: () => string;
  all?: readonly Collection[];
}

export const postgresRepositories = ({ newId, all = allCollections, ...given }: RestGiven): Repositories =>
  repositoriesOver(createRestStore({ ...given, all: byName(all) }), given.userId, all, newId);

/** Without REST. */
interface DirectGiven extends Omit<DirectStoreOptions, "all"> {
  newId?: () => string;
  all?: readonly Collection[];
}

export const directRepositories = ({ newId, all = allCollections, ...given }: DirectGiven): Repositories =>
  repositoriesOver(createDirectStore({ ...given, all: byName(all) }), given.claims.sub, all, newId);

/** `_id` of a document that lives in its owner's home. */
export const homeId = (userId: string, id: string) => ({ user_id: new UUID(userId), id: new UUID(id) });
