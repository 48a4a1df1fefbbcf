/** Requests that write are told to the cache, before and after. */
import { expect, test } from "vitest";
import { createApp } from "../../api/_app.ts";
import type { Cache } from "../../shared/cache/cache.ts";
import { createCache } from "../../shared/cache/create-cache.ts";
import { createMemoryShelf } from "../../shared/cache/memory-shelf.ts";
import { loadApiConfig } from "../../shared/config.ts";
import { createLog } from "../../shared/log.ts";
import type { Router } from "../../shared/placement/router.ts";
import type { Sessions } from "../../shared/placement/sessions.ts";
import { SOMEBODY } from "../setup/somebody.ts";

const [ANN, BOB] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];

/** An API with entries of Ann's and Bob's; its one write is signing out of sessions, which does what it is told to. */
async function apiWith(write: (cache: Cache) => Promise<void>) {
  const log = createLog({ level: "silent" });
  const config = loadApiConfig({
    SUPABASE_URL: "http://127.0.0.1:9",
    SUPABASE_PUBLISHABLE_KEY: "publishable",
    SUPABASE_SECRET_KEY: "secret",
  });
  const cache = createCache({ shelf: createMemoryShelf(), kind: "memory" });
  const sessions = {
    look: async () => undefined,
    hasEnded: async () => false,
    list: async () => ({ isErr: () => false, value: [] }),
    async endOthers() {
      await write(cache);
      return { isErr: () => false };
    },
  } as unknown as Sessions;
  const app = createApp(() => ({
    ...{ config, log, cache, sessions },
    router: { standingOf: async () => "good" } as unknown as Router,
    clock: Date.now,
    verify: async () => ({ user: { ...SOMEBODY, id: ANN } }),
  }));
  const entry = async (scope: string) => (await cache.getOrCompute({ scope, name: "x" }, async () => "made", 60)).from;
  for (const scope of [ANN, BOB]) await entry(scope);
  const ask = async (method: string) =>
    (await app.request("/api/sessions", { method, headers: { authorization: "Bearer x.y.z" } })).status;
  return { ask, entry };
}

test("a write ends the writer's entries, and no one else's", async () => {
  let between = "";
  const { ask, entry } = await apiWith(async () => {
    between = await entry(ANN);
  });
  expect(await ask("DELETE")).toBe(204);
  expect(between).toBe("past");
  expect([await entry(ANN), await entry(BOB)]).toEqual(["made", "cache"]);
});

test("a read ends none", async () => {
  const { ask, entry } = await apiWith(async () => {});
  expect(await ask("GET")).toBe(200);
  expect(await entry(ANN)).toBe("cache");
});

test("after a write that may still happen, readers go past the cache", async () => {
  const { ask, entry } = await apiWith(async () => {
    throw new Error("no answer from the database");
  });
  expect(await ask("DELETE")).toBe(500);
  expect([await entry(ANN), await entry(BOB)]).toEqual(["past", "cache"]);
});
