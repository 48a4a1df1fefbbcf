/**
 * One Supabase and one MongoDB for the whole run: embedded ones, or, for `npm run test:servers`, those that
 * SUPABASE_DB_URL, SUPABASE_ADMIN_DB_URL and MONGODB_URI name.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { newKeys } from "../../scripts/dev/keys.ts";
import { startStandIn } from "../../scripts/dev/mongo-stand-in/index.ts";
import { loadDevConfig, processEnvironment } from "../../shared/config.ts";
import { guardDatabase, guardUrl } from "./guard.ts";
import { keepSecret, leaks, listenToOutput } from "./leaks.ts";
import { type Path, pathAsked } from "./path.ts";
import { prepareForTests } from "./prepare.ts";
import { migrateOnce, startPatiently } from "./start-supabase.ts";

export interface Servers {
  readonly supabaseUrl: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly jwtSecret: string;
  readonly jwtIssuer: string;
  readonly mongoUri: string;
  readonly hookSecret: string;
  /** Empty on PGlite. */
  readonly dbUrl: string;
  readonly adminDbUrl: string;
  /** REDIS_URL; empty where none is given, and always for `npm test` */
  readonly redisUrl: string;
  /** how the APIs of this run reach Supabase's own Postgres */
  readonly path: Path;
  /** of Supabase's own Postgres, where they speak to it directly; else empty */
  readonly directUrl: string;
  /** a PGlite with all migrations and nobody in it, to be copied; empty on real servers */
  readonly migrated: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    servers: Servers;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const config = loadDevConfig(processEnvironment());
  const real = project.config.name === "servers" || project.config.env?.TEST_SERVERS === "1";
  const dbUrl = real ? required(config.SUPABASE_DB_URL, "SUPABASE_DB_URL") : undefined;
  const adminDbUrl = real ? (config.SUPABASE_ADMIN_DB_URL ?? dbUrl) : undefined;
  const givenMongo = real ? required(config.MONGODB_URI, "MONGODB_URI") : undefined;
  const path = pathAsked();
  if (path === "direct" && !dbUrl)
    throw new Error(
      "SWITCHYARD_PATH=direct needs npm run test:servers: PGlite speaks to one client, in its own process.",
    );
  const redisUrl = (real && config.REDIS_URL) || "";
  for (const url of [dbUrl, adminDbUrl, givenMongo, redisUrl]) if (url) guardUrl(url);
  if (adminDbUrl) await guardDatabase(adminDbUrl);

  listenToOutput("the run's own Supabase, or a test");
  const mongo = givenMongo ? undefined : await startStandIn({ port: 0, file: ":memory:" });
  const mongoUri = withDatabase(givenMongo ?? mongo?.uri ?? "", "switchyard");
  const keys = newKeys();
  keepSecret(...Object.values(keys).filter((key) => key !== keys.publishableKey));
  const migrated = dbUrl ? "" : await mkdtemp(join(tmpdir(), "switchyard-migrated-"));
  if (migrated) await migrateOnce(migrated);
  const supabase = await startPatiently({
    jwtSecret: keys.jwtSecret,
    publishableKey: keys.publishableKey,
    secretKey: keys.secretKey,
    hookSecret: keys.hookSecret,
    functionsEnv: { MONGODB_URI: mongoUri },
    passwordCost: 4,
    ...(dbUrl ? { dbUrl } : {}),
    ...(adminDbUrl ? { adminDbUrl } : {}),
    migrated,
  }).catch(async (error) => {
    await mongo?.stop();
    throw error;
  });
  await prepareForTests(supabase, mongoUri);

  project.provide("servers", {
    supabaseUrl: supabase.url,
    publishableKey: supabase.publishableKey,
    secretKey: supabase.secretKey,
    jwtSecret: supabase.jwtSecret,
    jwtIssuer: supabase.jwtIssuer,
    mongoUri,
    hookSecret: keys.hookSecret,
    dbUrl: dbUrl ?? "",
    adminDbUrl: adminDbUrl ?? "",
    redisUrl,
    path,
    directUrl: supabase.directUrl,
    migrated,
  });
  return async () => {
    // PGlite sets the exit code, to 99 while it runs and to 0 when it closes, also that of a run whose tests have failed
    const hasFailed = process.exitCode === 1;
    await supabase.stop();
    await mongo?.stop();
    if (migrated) await rm(migrated, { recursive: true, force: true });
    if (hasFailed) process.exitCode = 1;
    const told = leaks();
    if (told.length > 0) throw new Error(`Secrets or addresses in the log:\n${told.join("\n")}`);
  };
}

function required(url: string | undefined, name: string): string {
  if (!url) throw new Error(`npm run test:servers needs ${name}, the URL of a real server on this machine.`);
  return url;
}

function withDatabase(uri: string, name: string): string {
  const url = new URL(uri);
  if (url.pathname.length <= 1) url.pathname = `/${name}`;
  return url.toString();
}
