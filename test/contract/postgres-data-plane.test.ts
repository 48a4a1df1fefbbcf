import { afterAll, beforeAll, describe } from "vitest";
import { startDataPlane } from "../setup/data-plane.ts";
import { NEON } from "../setup/repositories.ts";
import { postgresDirectStore } from "./postgres-direct-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

/** There is no list of users: whoever comes with a token that names it is at home there. */
describe("the contract on a Postgres that has nothing of Supabase's", () => {
  let store: Store;
  beforeAll(async () => {
    const newUser = async () => ({ id: crypto.randomUUID(), home: NEON.name });
    store = postgresDirectStore({ site: NEON.site, newUser, ...(await startDataPlane()) });
  });
  afterAll(() => store?.close());
  contract(() => store);
});
