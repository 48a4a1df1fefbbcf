/** The contract over Postgres' own protocol: users of a development Supabase on a real server, rows loaded by SQL. */
import type { RunningSupabase } from "../../scripts/dev/supabase.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { claimsOf } from "../../shared/postgres/direct/claims.ts";
import { createPostgresConnection, type PostgresConnection } from "../../shared/postgres/direct/connection.ts";
import { directRepositories } from "../setup/repositories.ts";
import { newUser, type TestUser } from "../setup/users.ts";
import { deadEnd } from "./dead-end.ts";
import { postgresStore } from "./postgres-store.ts";
import type { Owner, Store } from "./store.ts";

/** Where no server is, none can be too slow. */
const LOST_MS = 300;

export const directOwner = (connection: PostgresConnection, { id, home }: Pick<TestUser, "id" | "home">): Owner => ({
  userId: id,
  ...directRepositories({ connection, claims: claimsOf(id, home, 1) }),
});

export interface DirectStore extends Store {
  /** statements that owners have sent so far */
  trips(): number;
}

/** `dbUrl`: of the server that this Supabase is on. */
export function postgresDirectStore(supabase: RunningSupabase, dbUrl: string): DirectStore {
  const connection = createPostgresConnection(dbUrl, { appName: "switchyard-contract" });
  let trips = 0;
  const counted: PostgresConnection = {
    ...connection,
    run(...given) {
      trips++;
      return connection.run(...given);
    },
  };
  const closing: (() => Promise<unknown>)[] = [() => connection.close()];
  const { seed, close } = postgresStore(supabase);
  const user = () => newUser({ home: "supabase", on: supabase });
  return {
    newOwner: async () => directOwner(counted, await user()),
    trips: () => trips,

    async unavailableOwner(how) {
      const end = await deadEnd(how);
      const lost = createPostgresConnection(`postgres://postgres@127.0.0.1:${end.port}/postgres`, {
        appName: "switchyard-contract",
        deadlines: deadlinesOf({ DATABASE_CONNECT_MS: LOST_MS, REQUEST_DEADLINE_MS: LOST_MS }),
      });
      closing.push(() => lost.close(), end.close);
      return directOwner(lost, await user());
    },

    seed,

    async close() {
      for (const each of [...closing, close]) await each();
    },
  };
}
