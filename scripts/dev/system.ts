/** Everything that `npm start` runs, in the order in which the parts need one another. */
import type { DevConfig } from "../../shared/config.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import { DEMO_ADMIN, demoLogin, runDemo } from "./demo.ts";
import { DenoMissing } from "./deno.ts";
import { writeDevelopment } from "./development-file.ts";
import { type Listening, listen, PortTaken } from "./listen.ts";
import { startStandIn } from "./mongo-stand-in/index.ts";
import { prepareDatabases } from "./prepare.ts";
import { startPurgeLoop } from "./purge-loop.ts";
import { copyReferenceFiles } from "./reference-files.ts";
import { type RunningSupabase, startSupabase } from "./supabase.ts";
import { serveApi } from "./web.ts";

/** What keeps the system from starting, in one sentence. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

export interface RunningSystem {
  stop(): Promise<void>;
}

/** Starts it and says where everything is. When any part fails, what had been started is stopped again. */
export async function startSystem(
  config: DevConfig,
  say: (line: string) => void,
  cancel: AbortSignal,
): Promise<RunningSystem> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const web = await holdPort(config.PORT, "PORT");
    stops.push(() => web.close());
    const folder = await openDataFolder(config.SWITCHYARD_DATA);
    stops.push(() => folder.release());

    const mongo = config.MONGODB_URI
      ? undefined
      : await startStandIn({ port: 0, file: folder.inside("mongodb.sqlite") });
    if (mongo) stops.push(() => mongo.stop());
    const mongoUri = withDatabase(config.MONGODB_URI ?? mongo?.uri ?? "");
    const supabase = await supabaseOf(config, folder, mongoUri, web, say);
    stops.push(() => supabase.stop());
    const { url, publishableKey, secretKey } = supabase;
    stops.push(await writeDevelopment(folder.path, { url, publishableKey, secretKey, mongoUri }));
    cancel.throwIfAborted();

    const embedded = !config.SUPABASE_DB_URL && !config.MONGODB_URI;
    const demo = config.SWITCHYARD_DEMO ? config.SWITCHYARD_DEMO === "1" : embedded;
    await copyReferenceFiles();
    await serveApi(web, {
      ...environment(supabase, mongoUri),
      ADMIN_EMAILS: config.ADMIN_EMAILS ?? (demo ? DEMO_ADMIN : ""),
      ...(config.ALLOWED_ORIGINS ? { ALLOWED_ORIGINS: config.ALLOWED_ORIGINS } : {}),
      LOG_LEVEL: config.LOG_LEVEL ?? "warn",
    });
    const unprepared = await prepareDatabases(supabase, mongoUri);
    if (unprepared) say(`MongoDB could not be prepared, so new users get Supabase for their home: ${unprepared}`);
    const purge = startPurgeLoop(supabase);
    stops.push(() => purge.stop());

    const about = { apiUrl: web.url, supabaseUrl: supabase.url, publishableKey: supabase.publishableKey };
    if (demo && !folder.demoDone()) await folder.recordDemo(await runDemo({ ...about, say, cancel }));
    cancel.throwIfAborted();
    announce(say, { ...about, mongoUri, standIn: Boolean(mongo), folder: folder.path });
    if (demo) for (const line of demoLogin(about)) say(line);
    say("\nReady. Ctrl-C stops everything.");
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function holdPort(port: number, variable: string): Promise<Listening> {
  try {
    return await listen(port);
  } catch (error) {
    throw error instanceof PortTaken ? taken(error.port, variable) : error;
  }
}

const taken = (port: number, variable: string) =>
  new StartRefused(`Port ${port} is taken by another program: stop that one, or set ${variable} to a free port.`);

async function supabaseOf(
  config: DevConfig,
  folder: DataFolder,
  mongoUri: string,
  web: Listening,
  say: (line: string) => void,
): Promise<RunningSupabase> {
  const { keys } = folder;
  try {
    return await startSupabase({
      port: config.SUPABASE_PORT,
      dataDir: folder.inside("postgres"),
      ...(config.SUPABASE_DB_URL ? { dbUrl: config.SUPABASE_DB_URL } : {}),
      ...(config.SUPABASE_ADMIN_DB_URL ? { adminDbUrl: config.SUPABASE_ADMIN_DB_URL } : {}),
      ...(config.SUPABASE_AUTH_URL ? { authUrl: config.SUPABASE_AUTH_URL } : {}),
      ...(config.SUPABASE_JWT_ISSUER ? { jwtIssuer: config.SUPABASE_JWT_ISSUER } : {}),
      jwtSecret: config.SUPABASE_JWT_SECRET ?? keys.jwtSecret,
      publishableKey: keys.publishableKey,
      secretKey: keys.secretKey,
      hookSecret: keys.hookSecret,
      mongoUri,
      siteUrl: web.url,
      functionsEnv: { LOG_LEVEL: config.LOG_LEVEL ?? "warn" },
      onMail: (mail) => say(`Mail to ${mail.to}: ${mail.text.replace(/\s+/g, " ").trim()}`),
    });
  } catch (error) {
    if (error instanceof PortTaken) throw taken(error.port, "SUPABASE_PORT");
    if (error instanceof DenoMissing) throw new StartRefused(error.message);
    const { code, message } = error as { code?: string; message?: string };
    if (config.SUPABASE_DB_URL && /^(ECONN|CONNECT_TIMEOUT|CONNECTION|ENOTFOUND|28|3D)/.test(code ?? ""))
      throw new StartRefused(`The Postgres of SUPABASE_DB_URL (or SUPABASE_ADMIN_DB_URL) cannot be used: ${message}.`);
    throw error;
  }
}

const environment = (supabase: RunningSupabase, mongoUri: string) => ({
  SUPABASE_URL: supabase.url,
  SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
  SUPABASE_SECRET_KEY: supabase.secretKey,
  SUPABASE_JWT_SECRET: supabase.jwtSecret,
  SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
  MONGODB_URI: mongoUri,
});

function withDatabase(uri: string): string {
  const [, base, path, query = ""] = /^([a-z+]+:\/\/[^/?]+)(\/[^?]*)?(\?.*)?$/.exec(uri) ?? [];
  return base && (!path || path === "/") ? `${base}/switchyard${query}` : uri;
}

interface Running {
  readonly apiUrl: string;
  readonly supabaseUrl: string;
  readonly publishableKey: string;
  readonly mongoUri: string;
  readonly standIn: boolean;
  readonly folder: string;
}

function announce(say: (line: string) => void, running: Running): void {
  say(`
  Application   ${running.apiUrl}
  API           ${running.apiUrl}/api  (reference: ${running.apiUrl}/api/docs)
  Supabase      ${running.supabaseUrl}  (publishable key ${running.publishableKey})
  MongoDB       ${running.mongoUri.replace(/\/\/[^@/]*@/, "//")}
  Data          ${running.folder}`);
  if (running.standIn)
    say(`
  This MongoDB is a stand-in for development: small, and made for this project's own queries only.
  A real one instead: MONGODB_URI=mongodb://127.0.0.1:27017/switchyard npm start`);
}
