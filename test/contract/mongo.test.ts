import { afterAll, beforeAll, describe } from "vitest";
import { servers } from "../setup/servers.ts";
import { mongoStore } from "./mongo-store.ts";
import type { Store } from "./store.ts";
import { contract } from "./suite/index.ts";

describe("the contract on MongoDB", () => {
  let store: Store;
  beforeAll(async () => {
    store = await mongoStore(servers().mongoUri, "switchyard_contract");
  });
  afterAll(() => store?.close());
  contract(() => store);
});
