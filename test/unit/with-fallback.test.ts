/** What an application builds its own operations over two databases with. */
import { err, ok } from "neverthrow";
import { describe, expect, test, vi } from "vitest";
import { busy, notFound, unavailable } from "../../shared/contract/errors.ts";
import { createLog } from "../../shared/log.ts";
import { SideThrew, syncToBothDatabases } from "../../shared/placement/sync-to-both.ts";
import { withFallback, withMongoFallback } from "../../shared/placement/with-fallback.ts";

const recording = () => {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLog({ level: "info", write: (line) => lines.push(JSON.parse(line)) }) };
};
const AWAY = unavailable("MongoDB does not answer.");

describe("an operation with a fallback", () => {
  test("runs the fallback when the primary is away, and logs its name", async () => {
    const { log, lines } = recording();
    const answer = await withMongoFallback(
      async () => err(AWAY),
      async () => ok("postgres"),
      "posts.latest",
      { log },
    );
    expect(answer).toEqual(ok("postgres"));
    expect(lines).toMatchObject([{ event: "fallback", operation: "posts.latest", reason: AWAY.message }]);
  });

  test.each([ok("mongo"), err(notFound()), err(busy("busy"))])("takes any other answer", async (given) => {
    const { log, lines } = recording();
    const fallback = vi.fn(async () => ok("postgres"));
    expect(await withFallback(async () => given, fallback, "posts.latest", { log })).toEqual(given);
    expect(fallback).not.toHaveBeenCalled();
    expect(lines).toEqual([]);
  });

  test("answers what the fallback could not do", async () => {
    const { log } = recording();
    expect(
      await withFallback(
        async () => err(AWAY),
        async () => err(notFound()),
        "x",
        { log },
      ),
    ).toEqual(err(notFound()));
  });

  test("does not hide a bug", async () => {
    const broken = () => Promise.reject(new TypeError("a bug"));
    await expect(withFallback(broken, async () => ok(1), "x", recording())).rejects.toThrow("a bug");
  });
});

describe("a change of both databases", () => {
  test("is what each has said", async () => {
    const { log, lines } = recording();
    const both = await syncToBothDatabases(
      async () => ok("m"),
      async () => ok("p"),
      "posts.create",
      { log },
    );
    expect(both).toEqual({ mongodb: ok("m"), postgresql: ok("p"), failed: [] });
    expect(lines).toEqual([]);
  });

  test("says which side failed, and what the other did", async () => {
    const { log, lines } = recording();
    const one = await syncToBothDatabases(
      async () => err(AWAY),
      async () => ok("p"),
      "posts.create",
      { log },
    );
    expect(one).toEqual({ mongodb: err(AWAY), postgresql: ok("p"), failed: ["mongodb"] });
    const none = await syncToBothDatabases(
      async () => err(AWAY),
      async () => err(notFound()),
      "posts.create",
      { log },
    );
    expect(none.failed).toEqual(["mongodb", "postgresql"]);
    expect(lines.map(({ event, operation, side, reason }) => [event, operation, side, reason])).toEqual([
      ["sync_failed", "posts.create", "mongodb", AWAY.message],
      ["sync_failed", "posts.create", "mongodb", AWAY.message],
      ["sync_failed", "posts.create", "postgresql", notFound().message],
    ]);
  });

  test("runs both, whatever one does, and tells of the other when one throws", async () => {
    const { log } = recording();
    const second = vi.fn(async () => err(AWAY));
    const thrown = await syncToBothDatabases(
      () => {
        throw new TypeError("a bug");
      },
      second,
      "posts.create",
      { log },
    ).catch((error) => error);
    expect(thrown).toBeInstanceOf(SideThrew);
    expect(thrown.errors).toEqual([new TypeError("a bug")]);
    expect(thrown.message).toBe(
      "posts.create: MongoDB threw (TypeError: a bug), Postgres failed (MongoDB does not answer.)",
    );
    expect(second).toHaveBeenCalledTimes(1);
  });
});
