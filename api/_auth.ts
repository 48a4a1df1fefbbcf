/**
 * Access tokens, verified here and not by asking Supabase. Asymmetric keys come from the project's JWKS, which is read
 * again after 10 minutes, so that a key that has left it is refused from then on; while Supabase is away the last keys
 * that were seen serve on, or those seeded by configuration. HS256 is accepted only where a shared secret is
 * configured, and never with a public key: the algorithm picks the kind of key, not the other way round.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  type JWTPayload,
  jwtVerify,
} from "jose";
import { z } from "zod";
import type { ApiConfig } from "../shared/config.ts";
import { deadlinesOf } from "../shared/deadlines.ts";

export interface AuthenticatedUser {
  id: string;
  jwt: string;
  email: string | null;
  home: string | undefined;
  homeEpoch: number | undefined;
  /** Auth's own tokens have one */
  sessionId: string | undefined;
  /** seconds since 1970 */
  issuedAt: number;
  /** when they have last shown who they are, seconds since 1970; a refresh of the session is no such time */
  signedInAt: number | undefined;
  /** what of `/api/admin` is theirs: admins change, viewers look; null: nothing */
  role: "admin" | "viewer" | null;
  /** the role counts once they have signed in with a second factor */
  needsMfa: boolean;
}

type Verification = { user: AuthenticatedUser } | { refused: string } | { unavailable: true };
export type Verifier = (token: string) => Promise<Verification>;

const KEYS_MAX_AGE_MS = 10 * 60_000;
/** After a failed look for keys, the next requests do not wait for another. */
const KEYS_PAUSE_MS = 5_000;
const CLOCKS_DIFFER_SECONDS = 60;

const claims = z.object({
  sub: z.uuid(),
  iat: z.number(),
  exp: z.number(),
  session_id: z.string().optional().catch(undefined),
  aal: z.string().optional().catch(undefined),
  amr: z
    .array(z.object({ method: z.string(), timestamp: z.number() }))
    .optional()
    .catch(undefined),
  role: z.literal("authenticated"),
  email: z.string().optional(),
  app_metadata: z
    .object({
      // one that cannot be a database's name was not written by our token function; the router refuses one it does not know
      home: z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,40}$/)
        .optional(),
      home_epoch: z.int().optional().catch(undefined),
      role: z.string().optional().catch(undefined),
      email_confirmed: z.boolean().optional().catch(undefined),
      provider: z.string().optional().catch(undefined),
      providers: z.array(z.string()).optional().catch(undefined),
    })
    .default({}),
});

class KeysUnavailable extends Error {}

export function createVerifier(config: ApiConfig, clock: () => number = Date.now): Verifier {
  const issuer = config.SUPABASE_JWT_ISSUER ?? `${config.SUPABASE_URL}/auth/v1`;
  const secret = config.SUPABASE_JWT_SECRET ? symmetricKey(config.SUPABASE_JWT_SECRET) : undefined;
  const publicKey = publicKeys(config, clock);
  const required = { issuer, audience: "authenticated", requiredClaims: ["exp", "iat", "sub"] };

  return async (token) => {
    try {
      const symmetric = algorithmOf(token) === "HS256";
      if (symmetric && !secret) return { refused: "This token is not signed with the project's keys." };
      const { payload } =
        symmetric && secret
          ? await jwtVerify(token, await secret, { ...required, algorithms: ["HS256"], currentDate: new Date(clock()) })
          : await jwtVerify(token, publicKey, {
              ...required,
              algorithms: ["ES256", "RS256"],
              currentDate: new Date(clock()),
            });
      return userOf(token, payload, config, clock() / 1_000);
    } catch (error) {
      if (error instanceof KeysUnavailable) return { unavailable: true };
      if (error instanceof errors.JWTExpired) return { refused: "This token has expired. Refresh the session." };
      return { refused: "This token is not valid." };
    }
  };
}

/** Imported once: given the bytes, jose would import them for every token, and wait for a thread to do it. */
const symmetricKey = (secret: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", new TextEncoder().encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);

function publicKeys(config: ApiConfig, clock: () => number) {
  const remote = createRemoteJWKSet(new URL(`${config.SUPABASE_URL}/auth/v1/.well-known/jwks.json`), {
    cacheMaxAge: KEYS_MAX_AGE_MS,
    timeoutDuration: deadlinesOf(config).keysMs,
    headers: { apikey: config.SUPABASE_PUBLISHABLE_KEY },
  });
  let lastSeen = config.SUPABASE_JWKS as JSONWebKeySet | undefined;
  let pausedUntil = 0;

  return async (header: JWSHeaderParameters, token: FlattenedJWSInput) => {
    if (clock() >= pausedUntil) {
      try {
        return await remote(header, token);
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
        pausedUntil = clock() + KEYS_PAUSE_MS;
      } finally {
        // also when the key is not among them: one that has left must not come back once Supabase is away
        lastSeen = remote.jwks() ?? lastSeen;
      }
    }
    if (!lastSeen) throw new KeysUnavailable();
    return createLocalJWKSet(lastSeen)(header, token);
  };
}

function algorithmOf(token: string): unknown {
  const [head = ""] = token.split(".", 1);
  return JSON.parse(atob(head.replaceAll("-", "+").replaceAll("_", "/"))).alg;
}

function userOf(token: string, payload: JWTPayload, config: ApiConfig, now: number): Verification {
  const parsed = claims.safeParse(payload);
  if (!parsed.success) return { refused: "This token is not one of a signed-in user." };
  const { sub, email, iat, exp, session_id, amr, app_metadata: app } = parsed.data;
  // What has ended access is remembered for so long and no longer. A beginning in the future makes none shorter.
  const lifetime = Math.max(exp - iat, Math.floor(exp - now) - CLOCKS_DIFFER_SECONDS);
  if (lifetime > config.MAX_TOKEN_LIFETIME_SECONDS)
    return {
      refused:
        `This token lives ${lifetime} s, longer than MAX_TOKEN_LIFETIME_SECONDS allows (${config.MAX_TOKEN_LIFETIME_SECONDS}). ` +
        "The operator sets that to the project's JWT expiry, here and for the edge functions.",
    };
  const times = (amr ?? []).filter(({ method }) => method !== "token_refresh").map(({ timestamp }) => timestamp);
  return {
    user: {
      id: sub.toLowerCase(),
      jwt: token,
      email: email || null,
      home: app.home,
      homeEpoch: app.home_epoch,
      sessionId: session_id,
      issuedAt: iat,
      signedInAt: times.length > 0 ? Math.max(...times) : undefined,
      ...standingIn(parsed.data, config),
    },
  };
}

/**
 * By id or role first: both are the operator's alone to give. An address is the word of whoever confirmed it, so it counts
 * only where that is Auth itself (the token function says so in `email_confirmed`) and not somebody's identity provider,
 * which may say of any account that it has this address.
 */
function standingIn(
  { sub, email, aal, app_metadata: app }: z.infer<typeof claims>,
  config: ApiConfig,
): Pick<AuthenticatedUser, "role" | "needsMfa"> {
  const isSso = [app.provider, ...(app.providers ?? [])].some((provider) => provider?.startsWith("sso:"));
  const address = app.email_confirmed === true && !isSso ? asciiLower(email) : undefined;
  const isIn = (list: readonly string[]) => address !== undefined && list.some((each) => asciiLower(each) === address);
  const isAdmin =
    app.role === "admin" || config.ADMIN_USER_IDS.includes(sub.toLowerCase()) || isIn(config.ADMIN_EMAILS);
  const role = isAdmin ? "admin" : app.role === "viewer" || isIn(config.VIEWER_EMAILS) ? "viewer" : null;
  return { role, needsMfa: role !== null && config.ADMIN_REQUIRE_MFA === "1" && aal !== "aal2" };
}

/** In lower case; undefined for what is not ASCII. `toLowerCase` alone makes a K of the Kelvin sign. */
const asciiLower = (address = ""): string | undefined =>
  /^[\x21-\x7e]+$/.test(address) ? address.toLowerCase() : undefined;
