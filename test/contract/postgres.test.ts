import { afterAll, beforeAll, describe } from "vitest";
import { startTestSupabase } from "../setup/supabase.ts";
import { postgresStore } from "./postgres-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

describe("the contract on Supabase", () => {
  let store: Store;
  beforeAll(async () => {
    store = postgresStore(await startTestSupabase());
  }, 60_000);
  afterAll(() => store?.close());
  contract(() => store);
});
