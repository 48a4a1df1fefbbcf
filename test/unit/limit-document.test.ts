/** Every route is limited, and the document says so of each: 429, and what is left. */
import { beforeAll, expect, test } from "vitest";
import { createLimits } from "../../shared/limits/limits.ts";
import { parseLimits } from "../../shared/limits/settings.ts";
import { createLog } from "../../shared/log.ts";
import { judgeOf } from "../integration/api-document.ts";
import { memoryApi, token } from "./api-memory.ts";

interface Described {
  headers?: Record<string, { required?: boolean }>;
  content?: Record<string, { schema: object }>;
}
type Document = Parameters<typeof judgeOf>[0];

const settings = parseLimits("reads=1,writes=1");
if (typeof settings === "string") throw new Error(settings);
const { app } = memoryApi({ limits: createLimits({ settings, isAlone: true, log: createLog({ level: "silent" }) }) });
let document: Document;
beforeAll(async () => {
  document = (await (await app.request("/api/openapi.json")).json()) as Document;
});

test("429 and the fields of limits are documented on every operation", () => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({ name: `${method} ${path}`, responses })),
  );
  expect(operations.length).toBeGreaterThan(50);
  const without = operations.filter(({ responses }) => {
    const { headers, content } = (responses["429"] ?? {}) as Described;
    return !headers?.["retry-after"]?.required || !content?.["application/problem+json"];
  });
  expect(without.map(({ name }) => name)).toEqual([]);
  for (const { responses } of operations)
    for (const { headers } of Object.values(responses) as Described[])
      expect(Object.keys(headers ?? {})).toEqual(expect.arrayContaining(["RateLimit", "RateLimit-Policy"]));
});

test.each([
  ["GET", "/api/expenses"],
  ["GET", "/api/customers?limit=1"],
  ["DELETE", "/api/sessions"],
])("%s %s is refused as the document has it", async (method, path) => {
  const judge = judgeOf(document);
  const authorization = `Bearer ${await token({ sub: crypto.randomUUID() })}`;
  const send = () => app.request(path, { method, headers: { authorization } });
  await send();
  const refused = await send();
  expect(refused.status).toBe(429);
  expect(refused.headers.get("ratelimit")).toContain(";r=0;");
  expect(refused.headers.get("ratelimit-policy")).toContain(";q=1;w=60");
  await judge(method.toLowerCase(), path, refused);
});
