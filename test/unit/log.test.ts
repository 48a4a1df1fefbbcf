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

  test("cuts a text of any length between two words, so that no half of a secret is left", () => {
    const before = "word ".repeat(1_598);
    const [line = ""] = logged((log) =>
      log.warn("long", { text: `${before}geheim@example.com ${"x".repeat(500_000)}` }),
    );
    expect(JSON.parse(line).text).toBe(`${before.trimEnd()}…`);
    const [run = ""] = logged((log) => log.warn("long", { error: new Error("x".repeat(500_000)) }));
    expect(run.length).toBeLessThan(200);
  });

  test("hands on each warning and error that it writes, as it is written, and nothing else", () => {
    const lines: string[] = [];
    const kept: string[] = [];
    const write = (line: string) => lines.push(line);
    for (const level of ["debug", "error", "silent"] as const) {
      const log = createLog({ level, write, keep: (line) => kept.push(line) });
      log.info("a");
      log.warn("b", { token: "geheim" });
      log.error("c");
    }
    expect(kept.map((line) => JSON.parse(line).event)).toEqual(["b", "c", "c"]);
    expect(kept).toEqual(lines.slice(1));
    expect(kept[0]).not.toMatch("geheim");
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
