/** The new home falls silent, and is not dead, while the old one is sealed: the user's writes do not wait for it. */
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { HomeCopy } from "../../shared/repository/home-copy.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("silent");
});
afterAll(() => system?.stop());

/** Of the user, who tries one write after the other; the pause is over long before. */
const TRIES = 4_000;
const AGAIN_MS = 25;

test.each([
  ["supabase", "mongodb", "digests"],
  ["mongodb", "supabase", "digests"],
  ["mongodb", "atlas", "manifest"],
] as const)("from %s to %s, where %s is not answered", async (from, to, asked) => {
  const user = await system.user(from);
  const call = system.callerOf(user);
  expect((await call("POST", "/contacts", { name: "Ann" })).status).toBe(201);
  const silence = Promise.withResolvers<void>();
  let isSealed = false;
  let isAsked = false;
  let isOver = false;
  const silent = (copy: HomeCopy): HomeCopy => {
    const answering = async <T>(does: "digests" | "manifest", work: () => Promise<T>): Promise<T> => {
      if (isSealed && does === asked) {
        isAsked = true;
        await silence.promise;
      }
      return work();
    };
    return {
      ...copy,
      manifest: (...given) => answering("manifest", () => copy.manifest(...given)),
      // what differs is looked for record by record
      digests: async (...given) => {
        const found = await answering("digests", () => copy.digests(...given));
        return isSealed && asked === "manifest" ? {} : found;
      },
    };
  };
  const databases = new Map(
    [...system.registry].map(([name, { copy, system: own }]) => [
      name,
      { copy: async () => (name === to ? silent(await copy()) : await copy()), system: own },
    ]),
  );
  const moving = system.move(user.id, to, {
    databases,
    // longer than what leads to the seal takes on a slow machine, or it is never come to
    pauseMs: 10_000,
    leaseSeconds: 3_600,
    onPoint: (point) => {
      isSealed = point === "sealed" && !isOver;
    },
  });
  const writing = async (): Promise<number> => {
    for (let tries = 0; tries < TRIES; tries++) {
      const { status } = await call("POST", "/contacts", { name: "Bob" });
      if (isAsked && status === 201) return tries;
      if (isAsked) await wait(AGAIN_MS);
    }
    throw new Error(`no write was taken while ${to} was silent`);
  };
  const written = await writing().finally(() => {
    isOver = true;
    isSealed = false;
    silence.resolve();
  });
  expect(written).toBeLessThan(TRIES);
  expect((await moving).state).toBe("kept");
  // the oldest first: hundreds may have been written since
  const names = (await call("GET", "/contacts?limit=200&sort=created_at")).body.items.map(
    ({ name }: { name: string }) => name,
  );
  expect(names.filter((name: string) => name === "Ann")).toHaveLength(1);
  expect(names).toContain("Bob");
});
