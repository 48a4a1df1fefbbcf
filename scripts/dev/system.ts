/** Everything that `npm start` runs, in the order in which the parts need one another. */
import { allCollections } from "../../shared/collections/index.ts";
import type { DevConfig } from "../../shared/config.ts";
import { type Deadlines, deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { NotAReplicaSet } from "../../shared/mongo/prepare.ts";
import type { ConfiguredDatabase } from "../../shared/placement/configured-databases.ts";
import { titleOf } from "../../shared/placement/database-names.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { callFunction } from "./call-function.ts";
import { isMade } from "./cluster-folder.ts";
import { copyTable } from "./copy-table.ts";
import { openDataFolder } from "./data-folder.ts";
import { DEMO_ADMIN, type DemoProgress, demoLogin } from "./demo.ts";
import { demoOnce, isDemoDone } from "./demo-once.ts";
import { writeDevelopment } from "./development-file.ts";
import { type Listening, listen, PortTaken } from "./listen.ts";
import { deadlinesFor, measureSlowness } from "./machine-speed.ts";
import { ensurePages } from "./pages.ts";
import { type PrepareOptions, prepareDatabase } from "./prepare.ts";
import { copyReferenceFiles } from "./reference-files.ts";
import { type ReplicationLoopOptions, startReplicationLoop } from "./replication-loop.ts";
import { portTaken, StartRefused } from "./start-refused.ts";
import { CLUSTER, databaseVariables, homesOf, receiverOf, type StartedParts, startParts } from "./system-parts.ts";

const WORTH_SAYING = 2.5;
/** How long the first start waits for the copy, on an ordinary machine. */
const COPY_WAIT_MS = 30_000;

export interface RunningSystem {
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly say: (line: string) => void;
  /** Ends the start, wherever it is. */
  readonly cancel: AbortSignal;
  readonly progress: DemoProgress;
}

/**
 * Starts it and says where everything is. A part that does not start, a folder or a port that cannot be used end it, and
 * what had been started is stopped again; a database that does not answer is waited for, and a demo that cannot be finished
 * is left for the next start.
 */
export async function startSystem(config: DevConfig, { say, cancel, progress }: SystemOptions): Promise<RunningSystem> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const web = await holdPort(config, "PORT");
    stops.push(() => web.close());
    // only looked at: the part that serves it binds it
    await (await holdPort(config, "SUPABASE_PORT")).close();
    const folder = await openDataFolder(config.SWITCHYARD_DATA);
    const slowness = await measureSlowness();
    const settings = deadlinesFor(slowness, config);
    const variables = Object.fromEntries(Object.entries(settings).map(([name, ms]) => [name, String(ms)]));
    if (!config.SUPABASE_DB_URL && !isMade(folder.inside(CLUSTER)))
      say("The embedded Postgres is being made, which takes some seconds; on a slow machine, minutes.");
    if (slowness >= WORTH_SAYING)
      say(
        `This machine is ${Math.round(slowness)} times slower than an ordinary one just now: all deadlines are longer.`,
      );
    const parts = startParts(config, { folder, siteUrl: web.url, variables, slowness, say, cancel });
    cancel.addEventListener("abort", () => void parts.stop(), { once: true });
    // the last to be stopped; before them, what calls them
    stops.unshift(
      () => folder.release(),
      () => parts.stop(),
    );
    const { supabase, mongoUri, standIn } = await parts.started;
    const { url, publishableKey, secretKey } = supabase;
    const databases = databaseVariables(config, mongoUri);
    stops.push(
      await writeDevelopment(folder.path, {
        ...{ url, publishableKey, secretKey, databases },
        deadlines: variables,
        settings: {
          API_URL: web.url,
          SINGLE_INSTANCE: "1",
          BEFORE_USER_CREATED_HOOK_SECRET: folder.keys.hookSecret,
          ...(config.REDIS_URL ? { REDIS_URL: config.REDIS_URL } : {}),
        },
      }),
    );
    cancel.throwIfAborted();

    const embedded = !config.SUPABASE_DB_URL && config.databases.length === 0;
    const demo = config.SWITCHYARD_DEMO ? config.SWITCHYARD_DEMO === "1" : embedded;
    await copyReferenceFiles();
    // what has no pages still has its API
    await ensurePages(cancel).catch(({ message }) => say(`The web pages could not be built: ${message}`));
    cancel.throwIfAborted();
    const { serveApi } = await import("./web.ts");
    await serveApi(web, {
      ...environment(supabase),
      // a real Auth server sends its mail itself
      ...(config.SUPABASE_AUTH_URL ? {} : { SUPABASE_MAILBOX_URL: `${url}/mail` }),
      ...databases,
      ...variables,
      ADMIN_EMAILS: config.ADMIN_EMAILS ?? (demo ? DEMO_ADMIN : ""),
      ADMIN_USER_IDS: config.ADMIN_USER_IDS ?? "",
      VIEWER_EMAILS: config.VIEWER_EMAILS ?? "",
      ADMIN_REQUIRE_MFA: config.ADMIN_REQUIRE_MFA ?? "",
      METRICS_TOKEN: config.METRICS_TOKEN ?? "",
      MAX_TOKEN_LIFETIME_SECONDS: config.MAX_TOKEN_LIFETIME_SECONDS ?? "",
      // this process, and no other
      SINGLE_INSTANCE: "1",
      REDIS_URL: config.REDIS_URL ?? "",
      RATE_LIMITS: config.RATE_LIMITS ?? "",
      ...(config.ALLOWED_ORIGINS ? { ALLOWED_ORIGINS: config.ALLOWED_ORIGINS } : {}),
      LOG_LEVEL: config.LOG_LEVEL ?? "warn",
      LOG_TO_MONGODB: config.LOG_TO_MONGODB ?? "",
      ...receiverOf(config),
    });
    const ending = new AbortController();
    stops.push(() => ending.abort());
    const preparing = prepareAll({
      supabase,
      databases: homesOf(config, mongoUri),
      replicaDatabase: config.MONGODB_REPLICA_DATABASE,
      deadlines: deadlinesOf(settings),
      cancel: AbortSignal.any([cancel, ending.signal]),
      say,
    });
    const copied = copyOptions(config, mongoUri, supabase, deadlinesOf(settings));
    const copying = preparing.done.then(() =>
      startReplicationLoop({
        ...copied,
        replicate: (signal) => callFunction(supabase, "replicate", signal),
        trouble: (message) => say(`The copy in MongoDB waits: ${message}`),
      }),
    );
    // what stands against it is said where it is waited for
    copying.catch(() => undefined);
    stops.push(async () => (await copying.catch(() => undefined))?.stop());
    const isDemoDue = demo && !isDemoDone(folder);
    // the demo needs all; a system that has run before serves the users of the other databases meanwhile
    await (isDemoDue ? preparing.done : Promise.race([preparing.done, preparing.waits]));
    cancel.throwIfAborted();

    const about = { apiUrl: web.url, supabaseUrl: url, publishableKey };
    if (isDemoDue) {
      const hasAdmin = config.ADMIN_EMAILS === undefined && config.ADMIN_REQUIRE_MFA !== "1";
      await demoOnce({ ...about, hasAdmin, folder, slowness, say, cancel, progress });
      say("");
      for (const line of await copyTable({ ...copied, cancel, waitMs: COPY_WAIT_MS * slowness })) say(`  ${line}`);
    }
    cancel.throwIfAborted();
    announce(say, { ...about, homes: homesOf(config, mongoUri), standIn, folder: folder.path });
    if (demo) for (const line of demoLogin(about)) say(line);
    say("\nReady. Ctrl-C stops everything.");
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `waits` resolves when one has to be waited for, which is said; `done` when each is prepared, or will not be. */
function prepareAll({
  say,
  databases,
  ...options
}: Omit<PrepareOptions, "waiting" | "database"> & {
  databases: readonly ConfiguredDatabase[];
  say: (line: string) => void;
}): { done: Promise<unknown>; waits: Promise<void> } {
  const waits = Promise.withResolvers<void>();
  const one = async (database: ConfiguredDatabase) => {
    const title = titleOf(database.name);
    let waited = false;
    const waiting = (reason: string) => {
      say(`Waiting for ${title}. ${reason} Meanwhile the API answers, and new users get another home.`);
      waited = true;
      waits.resolve();
    };
    try {
      await prepareDatabase({ ...options, database, waiting });
      if (waited && !options.cancel.aborted) say(`${title} answers, and is prepared.`);
    } catch (error) {
      const { message, cause } = error as Error;
      if (cause instanceof NotAReplicaSet && !waited) throw new StartRefused(message);
      say(`${title} could not be prepared, so new users get another home: ${message}`);
    }
  };
  return { done: Promise.all(databases.map(one)), waits: waits.promise };
}

/** What works on the copy in MongoDB of what has its primary in Supabase. */
function copyOptions(
  config: DevConfig,
  mongoUri: string,
  { url, secretKey, sql }: StartedParts["supabase"],
  deadlines: Deadlines,
): Omit<ReplicationLoopOptions, "replicate" | "trouble"> {
  return {
    sql,
    config: { databases: homesOf(config, mongoUri), MONGODB_REPLICA_DATABASE: config.MONGODB_REPLICA_DATABASE },
    service: serviceClient({ SUPABASE_URL: url, SUPABASE_SECRET_KEY: secretKey }, { timeoutMs: deadlines.callMs }),
    collections: allCollections,
    deadlines,
    log: createLog({ level: "silent" }),
  };
}

async function holdPort(config: DevConfig, variable: "PORT" | "SUPABASE_PORT"): Promise<Listening> {
  try {
    return await listen(config[variable], config.SWITCHYARD_HOST);
  } catch (error) {
    throw error instanceof PortTaken ? portTaken(error.port, variable) : error;
  }
}

const environment = (supabase: StartedParts["supabase"]) => ({
  SUPABASE_URL: supabase.url,
  SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey,
  SUPABASE_SECRET_KEY: supabase.secretKey,
  SUPABASE_JWT_SECRET: supabase.jwtSecret,
  SUPABASE_JWT_ISSUER: supabase.jwtIssuer,
});

interface Running {
  readonly apiUrl: string;
  readonly supabaseUrl: string;
  readonly publishableKey: string;
  readonly homes: readonly ConfiguredDatabase[];
  readonly standIn: boolean;
  readonly folder: string;
}

const LABEL_WIDTH = 13;

function announce(say: (line: string) => void, running: Running): void {
  const homes = running.homes.map(({ name, url }) => {
    const label = name === "mongodb" ? titleOf(name) : name;
    return `  ${label.padEnd(LABEL_WIDTH)} ${url.replace(/\/\/[^@/]*@/, "//")}`;
  });
  say(`
  Application   ${running.apiUrl}
  API           ${running.apiUrl}/api  (reference: ${running.apiUrl}/api/docs)
  Supabase      ${running.supabaseUrl}  (publishable key ${running.publishableKey})
${homes.join("\n")}
  Data          ${running.folder}`);
  if (running.standIn)
    say(`
  This MongoDB is a stand-in for development: small, and made for this project's own queries only.
  A real one instead: MONGODB_URI=mongodb://127.0.0.1:27017/switchyard npm start`);
}
