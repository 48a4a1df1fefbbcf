import { afterAll, beforeAll, describe } from "vitest";
import { startOwn } from "../setup/start-supabase.ts";
import { postgresStore } from "./postgres-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

/** A Supabase of its own, on the run's server or on PGlite: loading records with their times needs SQL. */
describe("the contract on Supabase", () => {
  let store: Store;
  beforeAll(async () => {
    store = postgresStore(await startOwn({ passwordCost: 4 }));
  });
  afterAll(() => store?.close());
  contract(() => store);
});
