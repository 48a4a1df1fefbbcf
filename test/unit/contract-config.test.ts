import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { describe, expect, test, vi } from "vitest";
import {
  ConfigError,
  type Environment,
  loadApiConfig,
  loadDevConfig,
  loadFunctionConfig,
} from "../../shared/config.ts";
import { DEFAULT_DEADLINES, deadlinesOf } from "../../shared/deadlines.ts";

vi.unmock("../../shared/deadlines.ts");

const api = { SUPABASE_URL: "http://127.0.0.1:54321/", SUPABASE_SECRET_KEY: "s", SUPABASE_PUBLISHABLE_KEY: "p" };
const long = "x".repeat(32);

const problems = (load: (env: Environment) => unknown, env: Environment): readonly string[] => {
  try {
    load(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe("the environment", () => {
  test("of the API: what must be there, defaults, canonical URLs", () =>
    expect(loadApiConfig(api)).toEqual({
      ...api,
      SUPABASE_URL: "http://127.0.0.1:54321",
      LOG_LEVEL: "info",
      LOG_TO_MONGODB: "0",
      QUOTA_RECORDS: 100_000,
      QUOTA_BYTES: 104_857_600,
      ...DEFAULT_DEADLINES,
      ADMIN_USER_IDS: [],
      ADMIN_EMAILS: [],
      VIEWER_EMAILS: [],
      ADMIN_REQUIRE_MFA: "0",
      MAX_TOKEN_LIFETIME_SECONDS: 3600,
      ALLOWED_ORIGINS: [],
      SINGLE_INSTANCE: "0",
      RATE_LIMITS: { reads: 1_200, writes: 600, admin: 240, export: 20, address: 6_000 },
      databases: [],
    }));

  test("a scraper's token that is long enough, and can stand in a header", () => {
    const of = (METRICS_TOKEN: string) => () => loadApiConfig({ ...api, METRICS_TOKEN });
    for (const token of ["x".repeat(32), "ab/cd+ef~gh._-".repeat(3), `${"y".repeat(43)}=`])
      expect(of(token)().METRICS_TOKEN).toBe(token);
    expect(of("")().METRICS_TOKEN).toBeUndefined();
    expect(problems(loadApiConfig, { ...api, METRICS_TOKEN: "x".repeat(31) })).toEqual([
      expect.stringMatching(/^METRICS_TOKEN must have at least 32 characters/),
    ]);
    for (const token of ["x ".repeat(20), "ü".repeat(40), `${"=".repeat(3)}${"x".repeat(40)}`])
      expect(of(token)).toThrow(/^METRICS_TOKEN may hold/);
  });

  test("Redis by either name, and limits by class", () => {
    const given = { ...api, KV_URL: "rediss://kv.example:6379", RATE_LIMITS: "reads=5, export=none" };
    expect(loadApiConfig(given)).toMatchObject({
      REDIS_URL: "rediss://kv.example:6379",
      RATE_LIMITS: { reads: 5, writes: 600, export: null },
    });
    expect(loadApiConfig({ ...api, RATE_LIMITS: "none" }).RATE_LIMITS).toEqual({
      ...{ reads: null, writes: null, admin: null, export: null, address: null },
    });
    expect(
      problems(loadApiConfig, { ...api, REDIS_URL: "http://x", RATE_LIMITS: "reads=-1", CLIENT_ADDRESS_HEADER: "a b" }),
    ).toEqual([
      "REDIS_URL must be a URL that begins with redis:// or rediss://.",
      'RATE_LIMITS must be "none", or requests a minute such as "reads=1200,writes=600", of reads, writes, admin, export, address.',
      "CLIENT_ADDRESS_HEADER must be the name of a header.",
    ]);
  });

  test("quotas are numbers, bytes with their unit, or none", () => {
    const quota = (QUOTA_RECORDS: string, QUOTA_BYTES: string) => loadApiConfig({ ...api, QUOTA_RECORDS, QUOTA_BYTES });
    expect(quota("500", "1.5GB")).toMatchObject({ QUOTA_RECORDS: 500, QUOTA_BYTES: 1_610_612_736 });
    expect(quota("none", "none")).toMatchObject({ QUOTA_RECORDS: null, QUOTA_BYTES: null });
    expect(problems(loadApiConfig, { ...api, QUOTA_RECORDS: "-1", QUOTA_BYTES: "much" })).toEqual([
      'QUOTA_RECORDS must be a number of records, or "none" for no limit.',
      'QUOTA_BYTES must be a number of bytes, such as 100MB, or "none" for no limit.',
    ]);
  });

  test("lists are split and trimmed", () =>
    expect(
      loadApiConfig({ ...api, ADMIN_EMAILS: " a@x.org, b@x.org ,,", ALLOWED_ORIGINS: "https://a.example" }),
    ).toMatchObject({ ADMIN_EMAILS: ["a@x.org", "b@x.org"], ALLOWED_ORIGINS: ["https://a.example"] }));

  test("all that is missing is said at once, with the other names", () => {
    const said = problems(loadApiConfig, {});
    expect(said).toHaveLength(3);
    expect(said.join()).toMatch(/SUPABASE_URL \(or NEXT_PUBLIC_SUPABASE_URL\) is not set/);
    expect(said.join()).toMatch(/SUPABASE_SECRET_KEY \(or SUPABASE_SERVICE_ROLE_KEY\) is not set/);
    expect(said.join()).toMatch(
      /SUPABASE_PUBLISHABLE_KEY \(or NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY, SUPABASE_ANON_KEY\)/,
    );
  });

  test.each([
    [{ NEXT_PUBLIC_SUPABASE_URL: "https://a.supabase.co", SUPABASE_URL: "" }, "SUPABASE_URL", "https://a.supabase.co"],
    [{ NEXT_PUBLIC_SUPABASE_URL: "https://b.supabase.co" }, "SUPABASE_URL", "http://127.0.0.1:54321"],
    [{ SUPABASE_SECRET_KEY: undefined, SUPABASE_SERVICE_ROLE_KEY: "k" }, "SUPABASE_SECRET_KEY", "k"],
    [
      { SUPABASE_PUBLISHABLE_KEY: undefined, NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY: "k" },
      "SUPABASE_PUBLISHABLE_KEY",
      "k",
    ],
    [{ SUPABASE_PUBLISHABLE_KEY: undefined, SUPABASE_ANON_KEY: "k" }, "SUPABASE_PUBLISHABLE_KEY", "k"],
    [{ MONGO_URL: "mongodb://h/x" }, "MONGODB_URI", "mongodb://h/x"],
  ] as const)("%j gives %s %s", (more, name, expected) =>
    expect(loadApiConfig({ ...api, ...more })[name]).toBe(expected),
  );

  test.each([
    ["SUPABASE_URL", "ftp://x"],
    ["SUPABASE_URL", "x"],
    ["SUPABASE_PUBLIC_URL", "x"],
    ["SUPABASE_MAILBOX_URL", "x"],
    ["MONGODB_URI", "http://x"],
    ["DATABASE_URL", "mongodb://x"],
    ["DATABASE_NEON", "mysql://x"],
    ["MONGODB_DATABASE", "a b"],
    ["MONGODB_DATABASE", "x".repeat(39)],
    ["MONGODB_REPLICA_DATABASE", "a.b"],
    ["LOG_LEVEL", "loud"],
    ["LOG_TO_MONGODB", "yes"],
    ["SUPABASE_JWT_SECRET", "short"],
    ["IDEMPOTENCY_SECRET", "short"],
    ["SUPABASE_JWKS", "{}"],
    ["SUPABASE_JWKS", "no json"],
  ])("the API refuses %s=%s in one sentence", (name, value) => {
    const said = problems(loadApiConfig, { ...api, [name]: value });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(new RegExp(`^${name} (must|may) .+\\.$`));
  });

  test("logs are kept in a MongoDB that there is; the development system has one", () => {
    for (const load of [loadApiConfig, loadFunctionConfig]) {
      const said = problems(load, { ...api, LOG_TO_MONGODB: "1" });
      expect(said).toEqual([expect.stringMatching(/^LOG_TO_MONGODB=1 needs MONGODB_URI: .+\.$/)]);
      for (const name of ["MONGODB_URI", "MONGO_URL", "DATABASE_MONGODB"])
        expect(load({ ...api, LOG_TO_MONGODB: "1", [name]: "mongodb://h/x" })).toMatchObject({ LOG_TO_MONGODB: "1" });
    }
    expect(loadDevConfig({ LOG_TO_MONGODB: "1" })).toMatchObject({ LOG_TO_MONGODB: "1" });
    expect(problems(loadDevConfig, { LOG_TO_MONGODB: "yes" })).toEqual(["LOG_TO_MONGODB must be 0 or 1."]);
  });

  test("the API takes every variable", () => {
    const env = {
      MONGODB_URI: "mongodb+srv://u:p@h/x",
      MONGODB_DATABASE: "books",
      MONGODB_REPLICA_DATABASE: "copies",
      LOG_LEVEL: "debug",
      SUPABASE_PUBLIC_URL: "https://x.example",
      SUPABASE_MAILBOX_URL: "http://127.0.0.1:54321/mail",
      SUPABASE_JWT_SECRET: long,
      SUPABASE_JWT_ISSUER: "https://x/auth/v1",
      IDEMPOTENCY_SECRET: long,
    };
    expect(loadApiConfig({ ...api, ...env, SUPABASE_JWKS: '{"keys":[{"kid":"a"}]}' })).toMatchObject({
      ...env,
      SUPABASE_JWKS: { keys: [{ kid: "a" }] },
    });
  });

  test.each([
    [{ MONGODB_URI: "mongodb://h/books", MONGODB_REPLICA_DATABASE: "books" }, "books"],
    [{ MONGODB_URI: "mongodb://h", MONGODB_REPLICA_DATABASE: "switchyard" }, "switchyard"],
    [{ MONGODB_URI: "mongodb://h/x", MONGODB_DATABASE: "y", MONGODB_REPLICA_DATABASE: "y" }, "y"],
  ])("copies have a MongoDB database to themselves: %j", (env, own) => {
    for (const load of [loadApiConfig, loadFunctionConfig])
      expect(problems(load, { ...api, ...env })).toEqual([
        `MONGODB_REPLICA_DATABASE must differ from MongoDB's own database, which is "${own}": copies have one to themselves.`,
      ]);
    expect(problems(loadApiConfig, { ...api, ...env, MONGODB_REPLICA_DATABASE: `${own}_replica` })).toEqual([]);
  });

  test.each(["info", "INFO", "Warn"])("LOG_LEVEL=%s is a level", (level) => {
    expect(loadApiConfig({ ...api, LOG_LEVEL: level }).LOG_LEVEL).toBe(level.toLowerCase());
  });

  test("deadlines: what follows from them fits into them", () => {
    const env = { REQUEST_DEADLINE_MS: "10000", HOOK_DEADLINE_MS: "4000", DATABASE_CONNECT_MS: "500" };
    const {
      requestMs,
      queryMs,
      probeMs,
      stuckMs,
      hookMs,
      hookProbeMs,
      hookCallMs,
      connectMs,
      primaryMs,
      completenessMs,
    } = deadlinesOf(loadApiConfig({ ...api, ...env }));
    expect([requestMs, hookMs, connectMs]).toEqual([10_000, 4_000, 500]);
    // what the replica needs is left, also after the longest look for what the copy is complete up to
    expect(primaryMs + completenessMs).toBeLessThan(0.6 * requestMs);
    for (const part of [queryMs, probeMs]) expect(part).toBeLessThan(requestMs);
    for (const part of [hookProbeMs, hookCallMs]) expect(part).toBeLessThan(hookMs);
    expect(stuckMs).toBeGreaterThan(requestMs);
    for (const ms of ["0", "-1", "2.5", "2s", "99999999"])
      expect(problems(loadApiConfig, { ...api, REQUEST_DEADLINE_MS: ms })).toEqual([
        "REQUEST_DEADLINE_MS must be a number of milliseconds from 10 to 9999999.",
      ]);
  });

  test("homes: what DATABASE_<NAME> adds, and what only looks like one", () => {
    const env = {
      ...api,
      MONGO_URL: "mongodb://h/x",
      DATABASE_NEON: "postgresql://n/x",
      DATABASE_ATLAS_2: "mongodb+srv://a",
      DATABASE_EMPTY: "",
      DATABASE_URL: "postgres://s/postgres",
      DATABASE_URL_UNPOOLED: "postgres://s:5433/postgres",
      DATABASE_CONNECT_MS: "500",
      // as platforms set them: no URLs, and the control plane by another name
      DATABASE_HOST: "ep-name.neon.tech",
      DATABASE_NAME: "neondb",
      DATABASE_PASSWORD: "mysql:/x",
      DATABASE_POOL_SIZE: "5",
      DATABASE_SSL: "true",
      DATABASE_user: "someone",
      DATABASE_POSTGRES_URL: "postgres://s/postgres",
      DATABASE_SUPABASE: "postgres://t/postgres",
      SUPABASE_DB_URL: "postgres://t/postgres",
      // a home whose users are told when they call; the others' are not
      DATABASE_ODD: "postgres://user:pass#word@h/x",
    };
    const databases = [
      { name: "mongodb", kind: "mongodb", url: "mongodb://h/x", variable: "MONGODB_URI" },
      { name: "atlas_2", kind: "mongodb", url: "mongodb+srv://a", variable: "DATABASE_ATLAS_2" },
      { name: "neon", kind: "postgres", url: "postgresql://n/x", variable: "DATABASE_NEON" },
      { name: "odd", kind: "postgres", url: "postgres://user:pass#word@h/x", variable: "DATABASE_ODD" },
    ];
    for (const load of [loadApiConfig, loadFunctionConfig])
      expect(load(env)).toMatchObject({ databases, DATABASE_URL: "postgres://s/postgres" });
    expect(loadApiConfig({ ...api, DATABASE_MONGODB: "mongodb://h/x" }).databases).toMatchObject([{ name: "mongodb" }]);
    // what Supabase gives to functions; to `npm start` it is where the development Supabase is
    expect(loadFunctionConfig({ ...api, SUPABASE_DB_URL: "postgres://s" })).toMatchObject({
      DATABASE_URL: "postgres://s",
    });
    const dev = { DATABASE_URL: "no matter", DATABASE_NEON: "postgres://n", SUPABASE_DB_URL: "postgres://s" };
    expect(loadDevConfig(dev)).toMatchObject({ databases: [{ name: "neon" }], SUPABASE_DB_URL: "postgres://s" });
    expect(loadDevConfig(dev)).not.toHaveProperty("DATABASE_URL");
  });

  test("homes: everything that is wrong with them is said at once, with the rest", () => {
    const said = problems(loadApiConfig, {
      ...api,
      LOG_LEVEL: "loud",
      MONGODB_URI: "mongodb://h/x",
      DATABASE_MONGODB: "mongodb://other/x",
      DATABASE_SUPABASE: "postgres://s",
      DATABASE_TWIN: "mongodb://h/x",
      DATABASE_API: "https://direct",
      DATABASE_URL: "postgres://direct",
      DATABASE_1: "postgres://one",
      DATABASE_small: "postgres://small",
      [`DATABASE_${"X".repeat(42)}`]: "postgres://long",
    });
    expect(said.map((each) => each.split(" ")[0])).toEqual([
      "LOG_LEVEL",
      "DATABASE_1",
      "DATABASE_API",
      "DATABASE_MONGODB",
      "DATABASE_SUPABASE",
      "DATABASE_TWIN",
      `DATABASE_${"X".repeat(42)}`,
      "DATABASE_small",
    ]);
    expect(said.join("\n")).toMatch(/set one of them/);
    expect(said.join("\n")).toMatch(/DATABASE_TWIN is the same database as MONGODB_URI/);
    expect(said.join("\n")).toMatch(/DATABASE_SUPABASE .+ DATABASE_URL the direct way/);
  });

  test("of the edge functions", () => {
    expect(loadFunctionConfig({ SUPABASE_URL: "http://x", SUPABASE_SECRET_KEY: "s" })).toMatchObject({
      MAX_TOKEN_LIFETIME_SECONDS: 3600,
    });
    expect(problems(loadFunctionConfig, { ...api, MAX_TOKEN_LIFETIME_SECONDS: "1h" })).toHaveLength(1);
    expect(problems(loadFunctionConfig, {})).toHaveLength(2);
  });

  test("of npm start", () => {
    expect(loadDevConfig({})).toMatchObject({ PORT: 3000, SUPABASE_PORT: 54_321, SWITCHYARD_DATA: ".switchyard" });
    expect(loadDevConfig({ PORT: "1", SUPABASE_PORT: "65535" })).toMatchObject({ PORT: 1, SUPABASE_PORT: 65_535 });
    for (const port of ["0", "65536", "x", "-1", "1.5", "99999999"])
      expect([port, problems(loadDevConfig, { PORT: port })]).toEqual([
        port,
        ["PORT must be a port number from 1 to 65535."],
      ]);
    expect(problems(loadDevConfig, { PORT: "5", SUPABASE_PORT: "5" })).toHaveLength(1);
    // what only its API reads is looked at before anything starts, too
    const passedOn = {
      ...{ RATE_LIMITS: "off", LOG_LEVEL: "loud", ADMIN_USER_IDS: "me", ADMIN_REQUIRE_MFA: "yes" },
      METRICS_TOKEN: "short",
    };
    expect(
      problems(loadDevConfig, passedOn)
        .map((said) => said.split(" ")[0])
        .sort(),
    ).toEqual(Object.keys(passedOn).sort());
    expect(loadDevConfig({ RATE_LIMITS: "", ADMIN_EMAILS: "", LOG_LEVEL: "debug" })).toMatchObject({
      LOG_LEVEL: "debug",
    });
    expect(problems(loadDevConfig, { SWITCHYARD_DEMO: "yes" })).toEqual(["SWITCHYARD_DEMO must be 0 or 1."]);
    expect(problems(loadDevConfig, { SUPABASE_DB_URL: "mysql://x" })).toHaveLength(1);
    expect(problems(loadDevConfig, { SUPABASE_AUTH_URL: "http://x" })).toHaveLength(3);
    const auth = { SUPABASE_AUTH_URL: "http://x", SUPABASE_DB_URL: "postgres://x", SUPABASE_JWT_SECRET: long };
    expect(problems(loadDevConfig, { ...auth, SUPABASE_JWT_ISSUER: "x" })).toEqual([]);
  });

  test("is described in .env.example: every variable, and no other", () => {
    const source = readFileSync(new URL("../../shared/config.ts", import.meta.url), "utf8");
    const read = new Set(source.match(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+(?=:)|\bPORT(?=:)/g));
    const example = readFileSync(new URL("../../.env.example", import.meta.url), "utf8");
    const described = new Set(example.match(/^#?\s*[A-Z][A-Z0-9_]+(?==)/gm)?.map((each) => each.replace(/^#?\s*/, "")));
    expect([...read].filter((name) => !described.has(name))).toEqual([]);
  });
});

test("what `supabase config push` takes to a project names no address of a developer's machine", () => {
  const text = readFileSync(new URL("../../supabase/config.toml", import.meta.url), "utf8");
  const { auth } = parse(text) as { auth: Record<string, unknown> };
  expect(auth.site_url).toBe("env(SITE_URL)");
  expect(JSON.stringify(auth)).not.toMatch(/localhost|127\.0\.0\.1|\[::1\]/);
});
