/** The contract over Supabase's Postgres. */
import { uuidv7 } from "uuidv7";
import type { Repository } from "../contract/repository.ts";
import type { Collection, CreateOf, PatchOf, RecordOf } from "../definition/define.ts";
import type { PostgrestLike } from "./calls.ts";
import { createRepository } from "./repository.ts";

export interface PostgresOptions {
  /** a supabase-js client that acts with the user's token, so that row-level security holds */
  client: PostgrestLike;
  userId: string;
  newId?: () => string;
  /** ends every call that is still under way */
  signal?: AbortSignal;
}

export interface PostgresRepositories {
  repository<C extends Collection>(collection: C): Repository<RecordOf<C>, CreateOf<C>, PatchOf<C>>;
}

/** The repositories of one user. */
export function postgresRepositories({ newId = uuidv7, ...options }: PostgresOptions): PostgresRepositories {
  return {
    repository: (collection) => createRepository(collection, { ...options, newId }) as never,
  };
}
