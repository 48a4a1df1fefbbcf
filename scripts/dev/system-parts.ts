/** The parts of the system that run in processes of their own: the stand-in for MongoDB, where none is given, and Supabase. */
import type { DevConfig } from "../../shared/config.ts";
import type { ConfiguredDatabase } from "../../shared/placement/configured-databases.ts";
import type { DataFolder } from "./data-folder.ts";
import { MARGIN } from "./machine-speed.ts";
import { Part, PartFailed } from "./part.ts";
import type { StandInStarted } from "./parts/mongo-stand-in.ts";
import type { SupabaseMail, SupabasePartOptions, SupabaseStarted } from "./parts/supabase.ts";
import { pause } from "./pause.ts";
import { portTaken, StartRefused } from "./start-refused.ts";
import type { RunningSupabase } from "./supabase.ts";

/** No connection, one that was cut, a server that starts or stops: what passes. */
const PASSING = /^(ECONN|EPIPE|ETIMEDOUT|CONNECT_TIMEOUT|CONNECTION_|08|57P)/;
/** Who is refused, or a database that is not there: what does not. */
const REFUSED = /^(ENOTFOUND|EAI_|28|3D)/;
const AGAIN_MS = 1_000;

/** In the data folder, PGlite's. */
export const CLUSTER = "postgres";

export interface StartedParts {
  readonly supabase: SupabaseStarted & Pick<RunningSupabase, "sql">;
  readonly mongoUri: string;
  /** MongoDB is the stand-in. */
  readonly standIn: boolean;
}

interface PartsOptions {
  readonly folder: DataFolder;
  readonly siteUrl: string;
  /** The deadlines of this machine. */
  readonly variables: Readonly<Record<string, string>>;
  readonly slowness: number;
  readonly say: (line: string) => void;
  readonly cancel: AbortSignal;
}

/** Starts them. `stop` ends them at any time; `started` rejects when one cannot start. */
export function startParts(
  config: DevConfig,
  options: PartsOptions,
): { started: Promise<StartedParts>; stop(): Promise<void> } {
  const parts: Pick<Part<unknown, unknown>, "stop" | "kill">[] = [];
  // for the end that waits for nothing
  const killAll = () => {
    for (const part of parts) part.kill();
  };
  process.once("exit", killAll);
  return {
    started: start(config, options, parts),
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
      process.removeListener("exit", killAll);
    },
  };
}

async function start(
  config: DevConfig,
  options: PartsOptions,
  parts: Pick<Part<unknown, unknown>, "stop" | "kill">[],
): Promise<StartedParts> {
  const { folder, say } = options;
  let uri = config.MONGODB_URI;
  if (!uri) {
    const standIn = new Part({
      title: "The embedded MongoDB",
      module: new URL("./parts/mongo-stand-in.ts", import.meta.url),
      options: { port: 0, file: folder.inside("mongodb.sqlite") },
      again: (given, { port }: StandInStarted) => ({ ...given, port }),
      say,
    });
    parts.push(standIn);
    uri = (await standIn.start()).uri;
  }
  const mongoUri = withDatabase(uri);
  const supabase = new Part<SupabasePartOptions, SupabaseStarted>({
    title: config.SUPABASE_DB_URL ? "The development Supabase" : "The embedded Supabase",
    module: new URL("./parts/supabase.ts", import.meta.url),
    options: supabaseOptions(config, mongoUri, options),
    again: (given) => given,
    say,
    hear: (event) => {
      const mail = event as SupabaseMail;
      say(`Mail to ${mail.to}: ${mail.text.replace(/\s+/g, " ").trim()}`);
    },
  });
  parts.push(supabase);
  const started = await startSupabase(supabase, config, options);
  return {
    supabase: { ...started, sql: (text, parameters) => supabase.call("sql", text, parameters) },
    mongoUri,
    standIn: !config.MONGODB_URI,
  };
}

/** Waits for a Postgres given by URL that does not answer; refuses what no wait would mend. */
async function startSupabase<Options, Started>(
  part: Part<Options, Started>,
  config: DevConfig,
  { say, cancel }: PartsOptions,
): Promise<Started> {
  let said = "";
  for (;;) {
    try {
      cancel.throwIfAborted();
      return await part.start();
    } catch (error) {
      cancel.throwIfAborted();
      if (!(error instanceof PartFailed)) throw error;
      const { name, port, code = "", message } = error.failure;
      if (name === "PortTaken") throw portTaken(port ?? config.SUPABASE_PORT, "SUPABASE_PORT");
      if (name === "DenoMissing") throw new StartRefused(message);
      if (config.SUPABASE_DB_URL && REFUSED.test(code))
        throw new StartRefused(
          `The Postgres of SUPABASE_DB_URL (or SUPABASE_ADMIN_DB_URL) cannot be used: ${message}.`,
        );
      if (!config.SUPABASE_DB_URL || !PASSING.test(code)) throw error;
      if (code !== said) say(`Waiting for the Postgres of SUPABASE_DB_URL (or SUPABASE_ADMIN_DB_URL): ${message}.`);
      said = code;
      await pause(AGAIN_MS, cancel);
    }
  }
}

const supabaseOptions = (
  config: DevConfig,
  mongoUri: string,
  { folder, siteUrl, variables, slowness }: PartsOptions,
): SupabasePartOptions => ({
  port: config.SUPABASE_PORT,
  host: config.SWITCHYARD_HOST,
  dataDir: folder.inside(CLUSTER),
  ...(config.SUPABASE_DB_URL ? { dbUrl: config.SUPABASE_DB_URL } : {}),
  ...(config.SUPABASE_ADMIN_DB_URL ? { adminDbUrl: config.SUPABASE_ADMIN_DB_URL } : {}),
  ...(config.SUPABASE_AUTH_URL ? { authUrl: config.SUPABASE_AUTH_URL } : {}),
  ...(config.SUPABASE_JWT_ISSUER ? { jwtIssuer: config.SUPABASE_JWT_ISSUER } : {}),
  jwtSecret: config.SUPABASE_JWT_SECRET ?? folder.keys.jwtSecret,
  publishableKey: folder.keys.publishableKey,
  secretKey: folder.keys.secretKey,
  hookSecret: folder.keys.hookSecret,
  siteUrl,
  confirmEmail: config.SWITCHYARD_CONFIRM_EMAIL === "1",
  // as much longer as the deadlines of what they wait for
  slowness: slowness * MARGIN,
  functionsEnv: {
    ...variables,
    ...databaseVariables(config, mongoUri),
    LOG_LEVEL: config.LOG_LEVEL ?? "warn",
    LOG_TO_MONGODB: config.LOG_TO_MONGODB ?? "",
    ...receiverOf(config),
  },
});

/** Of alerts, as whoever starts the system names it. */
export const receiverOf = ({ ALERT_WEBHOOK_URL = "", ALERT_WEBHOOK_SECRET = "" }: DevConfig) => ({
  ALERT_WEBHOOK_URL,
  ALERT_WEBHOOK_SECRET,
});

/** Every home beside Supabase's own; MongoDB's is the stand-in where none is given. */
export const homesOf = ({ databases }: DevConfig, mongoUri: string): ConfiguredDatabase[] => [
  { name: "mongodb", kind: "mongodb", url: mongoUri, variable: "MONGODB_URI" },
  ...databases.filter(({ name }) => name !== "mongodb"),
];

/** These, where MongoDB keeps copies, and the direct way to Supabase's own Postgres, as the API, the edge functions and the command line read them. */
export const databaseVariables = (config: DevConfig, mongoUri: string): Record<string, string> => ({
  ...Object.fromEntries(homesOf(config, mongoUri).map(({ variable, url }) => [variable, url])),
  ...(config.MONGODB_REPLICA_DATABASE ? { MONGODB_REPLICA_DATABASE: config.MONGODB_REPLICA_DATABASE } : {}),
  ...(config.SUPABASE_DB_URL ? { DATABASE_URL: config.SUPABASE_DB_URL } : {}),
});

function withDatabase(uri: string): string {
  const [, base, path, query = ""] = /^([a-z+]+:\/\/[^/?]+)(\/[^?]*)?(\?.*)?$/.exec(uri) ?? [];
  return base && (!path || path === "/") ? `${base}/switchyard${query}` : uri;
}
