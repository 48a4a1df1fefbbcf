/**
 * The environment, read here and nowhere else; what the names of homes mean stands in placement/configured-databases.ts. Every problem is reported at once, in words; a variable that is set to
 * nothing counts as absent. Names that people already have from Supabase's and MongoDB's guides are accepted, too.
 */
import { z } from "zod";
import { DEFAULT_DEADLINES } from "./deadlines.ts";
import { DEFAULT_SIGN_UPS_PER_HOUR, parseLimits } from "./limits/settings.ts";
import { databaseName, replicaDatabaseName } from "./mongo/database-name.ts";
import { type ConfiguredDatabase, databasesIn, SCHEMES } from "./placement/configured-databases.ts";
import { DEFAULT_QUOTA } from "./repository/quotas.ts";
import { parseBytes } from "./values/bytes.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration that cannot be used; `problems` has one sentence for each variable at fault. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

const list = z
  .string()
  .default("")
  .transform((value) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean),
  );

const httpUrl = z
  .url({ protocol: /^https?$/, message: "must be a URL that begins with http:// or https://" })
  .transform((url) => url.replace(/\/+$/, ""));
const mongoUrl = z.string().regex(SCHEMES.mongodb, "must be a URL that begins with mongodb:// or mongodb+srv://");
const postgresUrl = z.string().regex(SCHEMES.postgres, "must be a URL that begins with postgres:// or postgresql://");
/** Atlas takes no longer ones. */
const mongoDatabase = z.string().regex(/^[A-Za-z0-9_-]{1,38}$/, "may hold letters, digits, _ and -, at most 38");
const port = z
  .string()
  .regex(/^\d{1,5}$/, "must be a port number from 1 to 65535")
  .transform(Number)
  .refine((value) => value >= 1 && value <= 65_535, "must be a port number from 1 to 65535");
const jwks = z.string().transform((text, context) => {
  try {
    const parsed = z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).parse(JSON.parse(text));
    return parsed as { keys: Record<string, unknown>[] };
  } catch {
    context.addIssue({ code: "custom", message: 'must be a JSON Web Key Set, {"keys":[...]}' });
    return z.NEVER;
  }
});

const secretKeys = z.string().transform((text, context) => {
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: "custom", message: 'must be JSON, {"name":"sb_secret_..."}' });
    return z.NEVER;
  }
});

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
/** In any case: other tools write INFO. */
const logLevel = z
  .string()
  .toLowerCase()
  .pipe(z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`))
  .default("info");

/** Milliseconds; what each means stands in deadlines.ts. */
const milliseconds = z
  .string()
  .regex(/^[1-9]\d{1,6}$/, "must be a number of milliseconds from 10 to 9999999")
  .transform(Number);
const DEADLINES = Object.fromEntries(
  Object.entries(DEFAULT_DEADLINES).map(([name, ms]) => [name, milliseconds.default(ms)]),
) as Record<keyof typeof DEFAULT_DEADLINES, z.ZodDefault<typeof milliseconds>>;

/** Of what one user may keep; null is no limit. */
const limit = (parse: (text: string) => number | undefined, say: string, otherwise: number | null) =>
  z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return otherwise;
      if (text === "none") return null;
      const parsed = parse(text);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: `must be ${say}, or "none" for no limit` });
      return z.NEVER;
    });
const wholeNumber = (text: string) => (/^\d{1,12}$/.test(text) ? Number(text) : undefined);

const redisUrl = z.string().regex(/^rediss?:\/\/./, "must be a URL that begins with redis:// or rediss://");

/** Requests per minute; what each means stands in limits/settings.ts. */
const rateLimits = z
  .string()
  .default("")
  .transform((text, context) => {
    const parsed = parseLimits(text);
    if (typeof parsed !== "string") return parsed;
    context.addIssue({ code: "custom", message: parsed });
    return z.NEVER;
  });

/** As Standard Webhooks has it: at least 24 bytes, so that nobody guesses it who has seen a signed request. */
const webhookSecret = z
  .string()
  .regex(
    /^(v1,)?whsec_[A-Za-z0-9+/]{32,}={0,2}$/,
    'must be whsec_ and at least 24 bytes in base64: echo "whsec_$(openssl rand -base64 32)"',
  )
  .transform((secret) => secret.replace(/^v1,/, ""));

/** What programs present as `Authorization: Bearer`, so of the characters that may stand there. */
const bearerToken = z
  .string()
  .min(32, "must have at least 32 characters: openssl rand -hex 32")
  .regex(/^[A-Za-z0-9._~+/-]+=*$/, "may hold letters, digits, . _ ~ + / -, and = at its end: openssl rand -hex 32");

const flag = z.enum(["0", "1"], "must be 0 or 1");

const SUPABASE = {
  SUPABASE_URL: httpUrl,
  SUPABASE_SECRET_KEY: z.string(),
  /** the direct way to Supabase's own Postgres; without it, through REST */
  DATABASE_URL: postgresUrl.optional(),
  MONGODB_URI: mongoUrl.optional(),
  /** seconds; longer than any access token of the project lives */
  MAX_TOKEN_LIFETIME_SECONDS: z
    .string()
    .regex(/^\d{1,7}$/, "must be a number of seconds")
    .default("3600")
    .transform(Number),
  /** of the home `mongodb` only */
  MONGODB_DATABASE: mongoDatabase.optional(),
  /** beside it, on the same server: copies of what has its primary elsewhere */
  MONGODB_REPLICA_DATABASE: mongoDatabase.optional(),
  QUOTA_RECORDS: limit(wholeNumber, "a number of records", DEFAULT_QUOTA.records),
  QUOTA_BYTES: limit(parseBytes, "a number of bytes, such as 100MB", DEFAULT_QUOTA.bytes),
  /** how old an instance's list of who is moving may be; the same for all instances and workers */
  MOVE_NOTICE_SECONDS: z
    .string()
    .regex(/^([1-9]|[1-9]\d|[12]\d\d|300)$/, "must be a number of seconds from 1 to 300")
    .transform(Number)
    .optional(),
  /** who is told of alerts, by signed requests (Standard Webhooks) */
  ALERT_WEBHOOK_URL: httpUrl.optional(),
  ALERT_WEBHOOK_SECRET: webhookSecret.optional(),
  LOG_LEVEL: logLevel,
  /** whether warnings and errors are kept in MongoDB, too */
  LOG_TO_MONGODB: flag.default("0"),
  ...DEADLINES,
};

const apiSchema = z.object({
  ...SUPABASE,
  SUPABASE_PUBLISHABLE_KEY: z.string(),
  /** where browsers reach Supabase, when that differs from where the API does */
  SUPABASE_PUBLIC_URL: httpUrl.optional(),
  /** where a development Supabase shows the mail that it caught */
  SUPABASE_MAILBOX_URL: httpUrl.optional(),
  SUPABASE_JWT_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
  SUPABASE_JWT_ISSUER: z.string().optional(),
  SUPABASE_JWKS: jwks.optional(),
  ADMIN_USER_IDS: list.pipe(z.array(z.uuid("must be ids of users, UUIDs separated by commas").toLowerCase())),
  // Unicode has letters that become ASCII ones in lower case (the Kelvin sign): another address that would be taken for one
  ADMIN_EMAILS: list.pipe(
    z.array(z.string().regex(/^[\x21-\x7e]+$/, "must be addresses in ASCII; name others by ADMIN_USER_IDS")),
  ),
  /** who may see what admins see, and change nothing of it */
  VIEWER_EMAILS: list.pipe(
    z.array(z.string().regex(/^[\x21-\x7e]+$/, "must be addresses in ASCII; others get the role by their metadata")),
  ),
  /** whether admins and viewers have to have signed in with a second factor */
  ADMIN_REQUIRE_MFA: flag.default("0"),
  /** lets whoever presents it read `/api/admin/metrics`, and nothing else; without it, nobody does so without signing in */
  METRICS_TOKEN: bearerToken.optional(),
  ALLOWED_ORIGINS: list,
  IDEMPOTENCY_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
  /** what instances share: the cache, limits, sign-outs */
  REDIS_URL: redisUrl.optional(),
  /** no other instance of the API serves this project: what instances would share is kept in memory */
  SINGLE_INSTANCE: flag.default("0"),
  RATE_LIMITS: rateLimits,
  /** the header in which the platform itself says the caller's address; without it, that of the connection counts */
  CLIENT_ADDRESS_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, "must be the name of a header")
    .toLowerCase()
    .optional(),
  /** what Vercel says of itself */
  VERCEL: z.string().optional(),
});

const functionSchema = z.object({
  ...SUPABASE,
  /** what Supabase itself gives to functions: the project's secret keys by name */
  SUPABASE_SECRET_KEYS: secretKeys.optional(),
  BEFORE_USER_CREATED_HOOK_SECRET: z.string().optional(),
  SIGN_UPS_PER_HOUR: limit(wholeNumber, "a number of sign-ups", DEFAULT_SIGN_UPS_PER_HOUR),
});

/** As the API has them, for what tests a whole system. */
const doctorSchema = functionSchema.extend({
  /** where the API runs */
  API_URL: httpUrl.optional(),
  REDIS_URL: redisUrl.optional(),
  SINGLE_INSTANCE: apiSchema.shape.SINGLE_INSTANCE,
});

/** Where backups lie, and who can read them. */
const backupSchema = z.object({
  /** a folder, or s3://bucket/prefix */
  BACKUP_TO: z.string().default("backups"),
  /** of what speaks S3 and is not Amazon's */
  BACKUP_S3_ENDPOINT: httpUrl.optional(),
  BACKUP_S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]+$/, "must be the name of a region, such as eu-central-1")
    .default("us-east-1"),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  /** whose key alone opens them */
  BACKUP_RECIPIENT: z
    .string()
    .regex(/^age1[0-9a-z]{50,}$/, "must be an age recipient: age1..., as age-keygen prints it")
    .optional(),
});

const devSchema = z.object({
  PORT: port.default(3000),
  SUPABASE_PORT: port.default(54_321),
  /** the address to listen on: in a container, 0.0.0.0, which its network lets nobody reach who is not let in */
  SWITCHYARD_HOST: z
    .enum(["127.0.0.1", "0.0.0.0"], "must be 127.0.0.1, for this machine alone, or 0.0.0.0, for whoever reaches it")
    .default("127.0.0.1"),
  SWITCHYARD_DATA: z.string().default(".switchyard"),
  SWITCHYARD_DEMO: flag.optional(),
  /** whether an address has to be confirmed before its user may sign in, as in supabase/config.toml */
  SWITCHYARD_CONFIRM_EMAIL: flag.default("0"),
  MONGODB_URI: mongoUrl.optional(),
  MONGODB_REPLICA_DATABASE: mongoDatabase.optional(),
  REDIS_URL: redisUrl.optional(),
  RATE_LIMITS: z.string().optional(),
  SUPABASE_DB_URL: postgresUrl.optional(),
  SUPABASE_ADMIN_DB_URL: postgresUrl.optional(),
  SUPABASE_AUTH_URL: httpUrl.optional(),
  SUPABASE_JWT_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
  SUPABASE_JWT_ISSUER: z.string().optional(),
  ADMIN_USER_IDS: z.string().optional(),
  ADMIN_EMAILS: z.string().optional(),
  VIEWER_EMAILS: z.string().optional(),
  ADMIN_REQUIRE_MFA: z.string().optional(),
  METRICS_TOKEN: z.string().optional(),
  MAX_TOKEN_LIFETIME_SECONDS: z.string().optional(),
  ALLOWED_ORIGINS: z.string().optional(),
  LOG_LEVEL: z.string().optional(),
  LOG_TO_MONGODB: flag.optional(),
  ALERT_WEBHOOK_URL: z.string().optional(),
  ALERT_WEBHOOK_SECRET: z.string().optional(),
  // not set: they follow the machine
  REQUEST_DEADLINE_MS: milliseconds.optional(),
  EXPORT_DEADLINE_MS: milliseconds.optional(),
  HOOK_DEADLINE_MS: milliseconds.optional(),
  DATABASE_CONNECT_MS: milliseconds.optional(),
});

/** Every secret key that callers of a function may present. */
export const functionSecretKeys = (config: FunctionConfig): string[] => [
  config.SUPABASE_SECRET_KEY,
  ...Object.values(config.SUPABASE_SECRET_KEYS ?? {}),
];

interface Databases {
  databases: readonly ConfiguredDatabase[];
}

export type ApiConfig = z.infer<typeof apiSchema> & Databases;
export type FunctionConfig = z.infer<typeof functionSchema> & Databases;
export type DoctorConfig = z.infer<typeof doctorSchema> & Databases;
export type BackupConfig = z.infer<typeof backupSchema>;
export type DevConfig = z.infer<typeof devSchema> & Databases;

const ALIASES: Readonly<Record<string, readonly string[]>> = {
  // the alias is what Supabase itself gives to functions
  DATABASE_URL: ["SUPABASE_DB_URL"],
  SUPABASE_URL: ["NEXT_PUBLIC_SUPABASE_URL"],
  SUPABASE_PUBLISHABLE_KEY: ["NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"],
  SUPABASE_SECRET_KEY: ["SUPABASE_SERVICE_ROLE_KEY"],
  MONGODB_URI: ["MONGO_URL", "DATABASE_MONGODB"],
  REDIS_URL: ["KV_URL"],
};

/** Every other name under which a variable is taken. */
export const otherNames: readonly string[] = Object.values(ALIASES).flat();

/** What the API needs. Throws `ConfigError`. */
export const loadApiConfig = (env: Environment): ApiConfig => load(apiSchema, env, logProblems);

/** What the edge functions need. Throws `ConfigError`. */
export const loadFunctionConfig = (env: Environment): FunctionConfig => load(functionSchema, env, logProblems);

/** What `switchyard doctor` needs. Throws `ConfigError`. */
export const loadDoctorConfig = (env: Environment): DoctorConfig => load(doctorSchema, env);

/** What says where backups lie. Throws `ConfigError`. */
export const loadBackupConfig = (env: Environment): BackupConfig => load(backupSchema, env);

/** What the development system passes on to its API as it is: what that would refuse is refused before anything starts. */
const PASSED_ON = [
  "ADMIN_USER_IDS",
  "ADMIN_EMAILS",
  "VIEWER_EMAILS",
  "ADMIN_REQUIRE_MFA",
  "METRICS_TOKEN",
  "MAX_TOKEN_LIFETIME_SECONDS",
  "RATE_LIMITS",
  "LOG_LEVEL",
] as const;

/** What `npm start` reads: SUPABASE_DB_URL is where its own Supabase keeps everything. Throws `ConfigError`. */
export function loadDevConfig(env: Environment): DevConfig {
  // a direct way to another project is none to the development system
  const { DATABASE_URL: _, ...own } = env;
  const config = load(devSchema, own);
  const problems: string[] = [];
  if (config.SUPABASE_AUTH_URL && !config.SUPABASE_DB_URL)
    problems.push("SUPABASE_AUTH_URL needs SUPABASE_DB_URL: a real Auth server keeps its users in a real Postgres.");
  if (config.SUPABASE_AUTH_URL && !config.SUPABASE_JWT_SECRET)
    problems.push("SUPABASE_AUTH_URL needs SUPABASE_JWT_SECRET, the secret with which that server signs its tokens.");
  if (config.SUPABASE_AUTH_URL && !config.SUPABASE_JWT_ISSUER)
    problems.push("SUPABASE_AUTH_URL needs SUPABASE_JWT_ISSUER, the issuer that stands in that server's tokens.");
  for (const name of PASSED_ON)
    for (const { message } of (config[name] ? apiSchema.shape[name].safeParse(config[name]).error?.issues : []) ?? [])
      problems.push(`${name} ${message}.`);
  if (config.PORT === config.SUPABASE_PORT) problems.push("PORT and SUPABASE_PORT must differ.");
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** This process's environment, on Node and on Deno. */
export const processEnvironment = (): Environment => process.env;

/** Home and copies in one database would be purged, counted and prepared as each other. */
function replicaProblems({ MONGODB_URI: url, ...named }: Named): string[] {
  if (url === undefined || named.MONGODB_REPLICA_DATABASE === undefined) return [];
  const own = databaseName(url, named.MONGODB_DATABASE);
  return own === replicaDatabaseName(url, named.MONGODB_DATABASE, named.MONGODB_REPLICA_DATABASE)
    ? [
        `MONGODB_REPLICA_DATABASE must differ from MongoDB's own database, which is "${own}": copies have one to themselves.`,
      ]
    : [];
}

type Named = Readonly<Record<string, string>>;

const receiverProblems = ({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret }: Named): string[] =>
  url !== undefined && secret === undefined
    ? [
        'ALERT_WEBHOOK_URL needs ALERT_WEBHOOK_SECRET, which signs what is sent there: echo "whsec_$(openssl rand -base64 32)"',
      ]
    : [];

/** The development system has a MongoDB in any case. */
const logProblems = ({ LOG_TO_MONGODB: kept, MONGODB_URI: url }: Named): string[] =>
  kept === "1" && url === undefined
    ? ["LOG_TO_MONGODB=1 needs MONGODB_URI: warnings and errors are kept in that MongoDB. Set it, or LOG_TO_MONGODB=0."]
    : [];

function load<T>(
  schema: z.ZodType<T>,
  env: Environment,
  furtherProblems: (named: Named) => string[] = () => [],
): T & Databases {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value) named[name] = value;
  for (const [name, aliases] of Object.entries(ALIASES)) {
    const value = [name, ...aliases].map((alias) => env[alias]).find(Boolean);
    if (value) named[name] = value;
  }
  const parsed = schema.safeParse(named);
  const problems = (parsed.error?.issues ?? []).map((issue) => {
    const name = String(issue.path[0]);
    const aliases = ALIASES[name] ? ` (or ${ALIASES[name].join(", ")})` : "";
    return named[name] === undefined ? `${name}${aliases} is not set.` : `${name} ${issue.message}.`;
  });
  const databases = databasesIn(named, problems);
  problems.push(...replicaProblems(named), ...receiverProblems(named), ...furtherProblems(named));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return { ...parsed.data, databases };
}
