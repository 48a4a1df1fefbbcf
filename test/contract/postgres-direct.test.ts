import { afterAll, beforeAll, describe } from "vitest";
import { servers } from "../setup/servers.ts";
import { startOwn } from "../setup/start-supabase.ts";
import { postgresDirectStore } from "./postgres-direct-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

describe("the contract on Postgres without REST", () => {
  let store: Store;
  beforeAll(async () => {
    store = postgresDirectStore(await startOwn({ passwordCost: 4 }), servers().dbUrl);
  });
  afterAll(() => store?.close());
  contract(() => store);
});
