import { afterAll, beforeAll, describe } from "vitest";
import { startSupabase } from "../../scripts/dev/supabase.ts";
import { servers } from "../setup/servers.ts";
import { postgresStore } from "./postgres-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

/** A Supabase of its own, on the run's server or in memory: loading records with their times needs SQL. */
describe("the contract on Supabase", () => {
  let store: Store;
  beforeAll(async () => {
    const { jwtSecret, jwtIssuer, dbUrl, adminDbUrl } = servers();
    const onServer = dbUrl ? { dbUrl, adminDbUrl } : {};
    store = postgresStore(
      await startSupabase({ port: 0, jwtSecret, jwtIssuer, functions: false, passwordCost: 4, ...onServer }),
    );
  }, 60_000);
  afterAll(() => store?.close());
  contract(() => store);
});
