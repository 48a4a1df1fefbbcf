import { describe, expect, test } from "vitest";
import { createLog } from "../../shared/log.ts";

function logged(write: (log: ReturnType<typeof createLog>) => void, level: "debug" | "info" | "warn" = "info") {
  const lines: string[] = [];
  write(createLog({ level, write: (line) => lines.push(line), now: () => 0 }));
  return lines;
}

describe("the log", () => {
  test("is one JSON object a line", () => {
    expect(logged((log) => log.info("assigned", { user_id: "u", text: "two\nlines" }))).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"assigned","user_id":"u","text":"two\\nlines"}',
    ]);
  });

  test("leaves out what is below its level", () => {
    const all = (log: ReturnType<typeof createLog>) => {
      log.debug("a");
      log.info("b");
      log.warn("c");
      log.error("d");
    };
    expect(logged(all, "warn").map((line) => JSON.parse(line).event)).toEqual(["c", "d"]);
    expect(logged(all, "debug")).toHaveLength(4);
  });

  test.each([
    ["a field's name", { headers: { authorization: "geheim" } }],
    ["a URL's password", { uri: "mongodb+srv://root:geheim@host/db" }],
    ["an error's message", { error: new Error("connect to mongodb://root:geheim@host") }],
    ["a token", { text: "Bearer eyJhbGciOi.eyJnZWhlaW0.geheim" }],
    ["an API key", { text: "with sb_secret_geheim" }],
    ["a hook's secret", { text: "v1,whsec_geheim" }],
    ["an e-mail address", { text: "mail to geheim@example.com failed" }],
    ["an e-mail address in an encoded path", { route: "/api/contacts/geheim%40example.com" }],
    ["an e-mail address under its name", { email: "geheim@example.com" }],
  ])("cuts out %s", (_, fields) => {
    const [line] = logged((log) => log.warn("trouble", fields));
    expect(line).toMatch("trouble");
    expect(line).not.toMatch("geheim");
  });
});
