import { afterAll, beforeAll, describe } from "vitest";
import { pinned } from "../../shared/definition/define.ts";
import { servers } from "../setup/servers.ts";
import { mongoStore } from "./mongo-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

/** Each record has its id for `_id`, and its owner beside it. */
describe("the contract on what is pinned to MongoDB", () => {
  let store: Store;
  beforeAll(async () => {
    store = await mongoStore(servers().mongoUri, "switchyard_contract_pinned", { placement: pinned("mongodb") });
  });
  afterAll(() => store?.close());
  contract(() => store);
});
