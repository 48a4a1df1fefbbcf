/** What the API's document says of collections that are kept in two places. */
import { describe, expect, test } from "vitest";
import { createApp } from "../../api/_app.ts";
import { filedCollections } from "../../shared/collections/index.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { guests } from "../integration/guests.ts";

interface Described {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { headers?: Record<string, { required?: boolean }> }> }>
  >;
}
const documentOf = async (...collections: Collection[]): Promise<Described> => {
  const config = { ALLOWED_ORIGINS: [] };
  const log = { debug() {} };
  const app = createApp(() => ({ config, log, clock: Date.now }) as never, collections);
  return (await (await app.request("/api/openapi.json")).json()) as Described;
};

describe("a replicated collection", () => {
  test.each(["", "/count", "/summary", "/export.csv", "/{id}"])("GET %s says where it was read", async (path) => {
    const { paths } = await documentOf(guests as unknown as Collection);
    const { headers } = paths[`/api/guests${path}`]?.get?.responses["200"] ?? {};
    expect(headers?.["x-data-source"]).toMatchObject({ required: true, schema: { enum: ["primary", "replica"] } });
    expect(headers?.["x-complete-up-to"]?.required).not.toBe(true);
  });

  test("writes do not, and neither do collections that are kept in one place", async () => {
    const { paths } = await documentOf(...filedCollections, guests as unknown as Collection);
    const answers = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => ({ path, method, text: JSON.stringify(responses) })),
    );
    const telling = answers.filter(({ text }) => text.includes("x-data-source"));
    const copied = [
      "guests",
      ...filedCollections.flatMap((each) => (each.placement.kind === "home" ? [] : [each.name])),
    ];
    const lists = [...copied, "customers/{id}/payments"].map((each) => `/api/${each}`);
    const reads = lists.flatMap((path) => {
      const one = path.endsWith("payments") && path.includes("{id}") ? "{paymentId}" : "{id}";
      return ["", "/count", "/summary", "/export.csv", `/${one}`].map((rest) => `${path}${rest}`);
    });
    const byHand = [
      ...["/api/shop", "/api/profile", "/api/profiles/{userId}"],
      ...["/api/conversations", "/api/conversations/{id}", "/api/conversations/{id}/members"],
      ...["/api/rooms/{id}/messages", "/api/rooms/{id}/messages/{messageId}"],
    ];
    expect(telling.map(({ path }) => path).sort()).toEqual([...reads, ...byHand].sort());
    for (const { method } of telling) expect(method).toBe("get");
  });
});
