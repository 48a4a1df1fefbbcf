/**
 * The development Supabase: `@supabase/lite` on PGlite or a real Postgres, behind a gateway that adds what lite lacks
 * (the Auth hooks, the admin users API, edge functions). Its `url` takes an unmodified supabase-js.
 */

import { readFile } from "node:fs/promises";
import { App } from "@supabase/lite";
import { adminUsers } from "./admin-users.ts";
import { authGateway } from "./auth-gateway.ts";
import { openPglite, openPostgres } from "./database.ts";
import { startEdgeFunctions } from "./edge-functions.ts";
import { gateway } from "./gateway.ts";
import { googleStandIn } from "./google-stand-in.ts";
import { newKeys } from "./keys.ts";
import { listen } from "./listen.ts";
import { shortenLiteErrors } from "./lite-errors.ts";
import { Mailbox } from "./mailbox.ts";
import { applyMigrations } from "./migrations.ts";
import { checkArgon2Too } from "./password-hashes.ts";
import { tokenSigner } from "./token-hook.ts";

export interface SupabaseOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** on which it listens; by default 127.0.0.1 */
  readonly host?: string;
  /** PGlite's folder; in memory when absent. */
  readonly dataDir?: string;
  /** A real Postgres in PGlite's place; migrations run as its user. */
  readonly dbUrl?: string;
  /** As whom lite connects; by default the same. */
  readonly adminDbUrl?: string;
  /** A real Auth server: `/auth/v1` is passed through to it, and no hook is called from here. */
  readonly authUrl?: string;
  readonly jwtSecret: string;
  /** By default the gateway's `/auth/v1`, or that of `authUrl`. */
  readonly jwtIssuer?: string;
  readonly publishableKey?: string;
  readonly secretKey?: string;
  readonly hookSecret?: string;
  /** What the edge functions find in their environment, beside what Supabase gives them: MONGODB_URI and the like. */
  readonly functionsEnv?: Readonly<Record<string, string>>;
  /** Runs the edge functions on Deno and asks `before-user-created`; true unless told. */
  readonly functions?: boolean;
  /** Another address for the hook "before user created". */
  readonly hookUrl?: string;
  /** How many times slower than an ordinary machine this one is: Auth's hooks get so many times Auth's limits; 1 unless told. */
  readonly slowness?: number;
  readonly migrations?: boolean;
  /** The Postgres function that completes tokens. */
  readonly tokenHook?: string;
  /** The application's own address, where mails and OAuth lead back to. */
  readonly siteUrl?: string;
  /** Whether an address has to be confirmed before its user may sign in; not unless told. */
  readonly confirmEmail?: boolean;
  /** Seconds an access token lives. */
  readonly jwtExpiry?: number;
  /** Rounds of bcrypt (2^n) for passwords; lite's own 10 unless told. For tests that sign up many. */
  readonly passwordCost?: number;
  readonly onMail?: (mail: { to: string; subject: string; text: string }) => void;
}

export interface RunningSupabase {
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly jwtSecret: string;
  readonly jwtIssuer: string;
  /** The migrations that this start applied. */
  readonly applied: readonly string[];
  /** One statement, as the administrator. JSON parameters are text and cast: `$1::text::jsonb`. */
  sql<T = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<T[]>;
  stop(): Promise<void>;
}

const TOKEN_HOOK = "public.custom_access_token_hook";
const script = (name: string) => readFile(new URL(`./sql/${name}.sql`, import.meta.url), "utf8");

/** Starts it; when any part fails, what had been started is stopped again. */
export async function startSupabase(options: SupabaseOptions): Promise<RunningSupabase> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  // lite reads these where it uses them, and nowhere else can they be set
  process.env.LITE_TELEMETRY = "0";
  if (options.passwordCost) process.env.LITE_AUTH_BCRYPT_COST = String(options.passwordCost);
  checkArgon2Too();
  try {
    // bound first: whoever holds the port is found out before any file is touched
    const server = await listen(options.port, options.host);
    stops.push(() => server.close());
    const { url } = server;
    const { publishableKey = newKeys().publishableKey, secretKey = newKeys().secretKey, jwtSecret } = options;
    const jwtIssuer = options.jwtIssuer ?? `${options.authUrl ?? url}/auth/v1`;
    const hookSecret = options.hookSecret ?? newKeys().hookSecret;

    const database = options.dbUrl
      ? await openPostgres(options.dbUrl, options.adminDbUrl ?? options.dbUrl, options.slowness)
      : await openPglite(options.dataDir);
    stops.push(() => database.close());
    const mailbox = new Mailbox(options.siteUrl ?? url, url, options.onMail);
    const google = googleStandIn(`${url}/auth/v1/callback`);
    stops.push(() => google.stop());
    const lite = new App({
      connection: database.connection as never,
      auth: {
        jwt_secret: jwtSecret,
        jwt_expiry: options.jwtExpiry ?? 3600,
        publishable_key: publishableKey,
        secret_key: secretKey,
        site_url: options.siteUrl ?? url,
        additional_redirect_urls: ["http://localhost:*/**", "http://127.0.0.1:*/**"],
        // lite asks one address, and of two it would be the old one, which proves nothing of the new: `ADMIN_EMAILS` and
        // whoever else goes by addresses need that. (A hosted project asks both, supabase/config.toml says so.)
        email: { double_confirm_changes: false, enable_confirmations: options.confirmEmail ?? false },
        external: { google: { enabled: true, client_id: "google-stand-in", secret: "google-stand-in" } },
      },
      options: { drivers: { email: mailbox } },
    });
    const applied = await database.alone(async () => {
      await database.prepare(await script("roles"));
      await database.migrate(async (_query, run) => run(await script("default-privileges")));
      await lite.ensureSystemSchema();
      return options.migrations === false ? [] : await applyMigrations(database);
    });

    const functions =
      options.functions === false
        ? undefined
        : startEdgeFunctions(
            {
              SUPABASE_URL: url,
              SUPABASE_SECRET_KEY: secretKey,
              SUPABASE_SERVICE_ROLE_KEY: secretKey,
              BEFORE_USER_CREATED_HOOK_SECRET: hookSecret,
              ...options.functionsEnv,
            },
            undefined,
            options.slowness,
          );
    stops.push(() => functions?.stop());

    const errors = shortenLiteErrors();
    stops.push(() => errors.stop());
    const serve = (part: "auth" | "rest") => (request: Request) =>
      database.exclusive(() => errors.during(part, () => lite.fetch(request)));
    const hookUrl =
      options.hookUrl ??
      (functions?.has("before-user-created") ? `${url}/functions/v1/before-user-created` : undefined);
    server.serve(
      gateway({
        lite: serve("rest"),
        mailbox,
        google: google.app,
        functions,
        auth:
          options.authUrl ??
          authGateway({
            database,
            hook: { url: hookUrl, secret: hookSecret, slowness: options.slowness },
            sign: tokenSigner(database, {
              jwtSecret,
              issuer: jwtIssuer,
              hook: options.tokenHook ?? TOKEN_HOOK,
              slowness: options.slowness,
            }),
            google,
            admin: adminUsers(database, { secretKey, jwtSecret, passwordCost: options.passwordCost ?? 10 }),
            lite: serve("auth"),
          }),
      }),
    );
    await functions?.ready();
    return { url, publishableKey, secretKey, jwtSecret, jwtIssuer, applied, sql: database.sql, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
