/**
 * What the outage suite needs: real servers given by URL, and a command that kills, pauses, resumes and starts them. It
 * writes to them, so only to servers on this machine that hold nobody's users.
 */
import type { TestProject } from "vitest/node";
import { loadDevConfig, processEnvironment } from "../../shared/config.ts";
import { guardDatabase, guardUrl } from "../setup/guard.ts";
import { type Path, pathAsked } from "../setup/path.ts";

export interface OutageServers {
  readonly dbUrl: string;
  readonly adminDbUrl: string;
  readonly mongoUri: string;
  readonly redisUrl: string;
  /** how the instances reach Supabase's own Postgres */
  readonly path: Path;
  /** takes `kill|pause|resume|start` and `mongodb|supabase|redis` */
  readonly serverControl: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    outage: OutageServers;
  }
}

/** What is shared with the other suites; here each file has a Supabase of its own. */
const NO_SUPABASE = {
  ...{ supabaseUrl: "", publishableKey: "", secretKey: "", jwtSecret: "", jwtIssuer: "", hookSecret: "" },
  ...{ directUrl: "", migrated: "" },
};

export default async function setup(project: TestProject): Promise<void> {
  const environment = processEnvironment();
  const { SUPABASE_DB_URL, SUPABASE_ADMIN_DB_URL, MONGODB_URI, REDIS_URL } = loadDevConfig(environment);
  const { SERVER_CONTROL } = environment;
  if (!SERVER_CONTROL)
    throw new Error(
      "npm run test:failure needs SERVER_CONTROL, a command that takes kill|pause|resume|start and mongodb|supabase|redis.",
    );
  if (!SUPABASE_DB_URL || !MONGODB_URI || !REDIS_URL)
    throw new Error(
      "npm run test:failure needs SUPABASE_DB_URL, MONGODB_URI and REDIS_URL, the servers that SERVER_CONTROL rules.",
    );
  const adminDbUrl = SUPABASE_ADMIN_DB_URL ?? SUPABASE_DB_URL;
  for (const url of [SUPABASE_DB_URL, adminDbUrl, MONGODB_URI, REDIS_URL]) guardUrl(url);
  await guardDatabase(adminDbUrl);
  const given = { dbUrl: SUPABASE_DB_URL, adminDbUrl, mongoUri: MONGODB_URI, path: pathAsked() };
  project.provide("outage", { ...given, redisUrl: REDIS_URL, serverControl: SERVER_CONTROL });
  project.provide("servers", { ...NO_SUPABASE, redisUrl: REDIS_URL, ...given });
}
