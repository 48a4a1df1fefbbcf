import { afterAll, beforeAll, describe } from "vitest";
import { SITES } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { startOwn } from "../setup/start-supabase.ts";
import { newUser } from "../setup/users.ts";
import { postgresDirectStore } from "./postgres-direct-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

describe("the contract on Supabase without REST", () => {
  let store: Store;
  beforeAll(async () => {
    const supabase = await startOwn({ passwordCost: 4 });
    store = postgresDirectStore({
      site: SITES.supabase,
      url: servers().dbUrl,
      newUser: () => newUser({ home: "supabase", on: supabase }),
      sql: supabase.sql,
      stop: supabase.stop,
    });
  });
  afterAll(() => store?.close());
  contract(() => store);
});
