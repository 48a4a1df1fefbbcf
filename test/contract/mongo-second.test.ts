import { afterAll, beforeAll, describe } from "vitest";
import { ATLAS } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { mongoStore } from "./mongo-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

/** While the first one's tests run: what they share is a server. */
describe("the contract on a second MongoDB", () => {
  let store: Store;
  beforeAll(async () => {
    store = await mongoStore(servers().mongoUri, "switchyard_contract_atlas", { self: ATLAS });
  });
  afterAll(() => store?.close());
  contract(() => store);
});
