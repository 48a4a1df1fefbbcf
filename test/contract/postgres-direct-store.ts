/** The contract over Postgres' own protocol, on any Postgres that is a home: rows are loaded by SQL. */
import { deadlinesOf } from "../../shared/deadlines.ts";
import { claimsOf } from "../../shared/postgres/direct/claims.ts";
import { createPostgresConnection, type PostgresConnection } from "../../shared/postgres/direct/connection.ts";
import { directRepositories } from "../setup/repositories.ts";
import { deadEnd } from "./dead-end.ts";
import { seedBySql } from "./postgres-seed.ts";
import { tablesBySql } from "./postgres-tables.ts";
import type { Owner, Store } from "./store.ts";

/** Where no server is, none can be too slow. */
const LOST_MS = 300;

interface User {
  id: string;
  home: string;
}

export interface DirectHome {
  site: number;
  url: string;
  /** somebody who is at home there */
  newUser(): Promise<User>;
  /** one statement, as the owner of the tables */
  sql(text: string): Promise<unknown>;
  stop(): Promise<void>;
}

export const directOwner = (connection: PostgresConnection, { id, home }: User): Owner => ({
  userId: id,
  ...directRepositories({ connection, claims: claimsOf(id, home, 1) }),
});

export interface DirectStore extends Store {
  /** statements that owners have sent so far */
  trips(): number;
}

export function postgresDirectStore({ site, url, newUser, sql, stop }: DirectHome): DirectStore {
  const connection = createPostgresConnection(url, { appName: "switchyard-contract" });
  let trips = 0;
  const counted: PostgresConnection = {
    ...connection,
    run(...given) {
      trips++;
      return connection.run(...given);
    },
  };
  const tables = tablesBySql(sql);
  const closing: (() => Promise<unknown>)[] = [() => connection.close()];
  return {
    site,

    foreignId: "ok",
    newOwner: async () => directOwner(counted, await newUser()),
    trips: () => trips,

    async unavailableOwner(how) {
      const end = await deadEnd(how);
      const lost = createPostgresConnection(`postgres://postgres@127.0.0.1:${end.port}/postgres`, {
        appName: "switchyard-contract",
        deadlines: deadlinesOf({ DATABASE_CONNECT_MS: LOST_MS, REQUEST_DEADLINE_MS: LOST_MS }),
      });
      closing.push(() => lost.close(), end.close);
      return directOwner(lost, await newUser());
    },

    seed: seedBySql(sql, site),

    keep: tables.keep,

    async close() {
      for (const close of [...closing, tables.dropAll, stop]) await close();
    },
  };
}
