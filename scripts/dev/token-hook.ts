/**
 * Signs again what lite has signed: lite's tokens lack what a Supabase Auth server puts into them, and lite calls no
 * custom access token hook. The claims are completed, handed to a Postgres function, checked and signed.
 */
import { jwtVerify, SignJWT } from "jose";
import { AuthRefusal } from "./answers.ts";
import type { Database, Query } from "./database.ts";

const REQUIRED = ["aud", "exp", "iat", "sub", "email", "phone", "role", "aal", "session_id", "is_anonymous"];

/** What Supabase Auth gives the function. */
const TIMEOUT_MS = 2_000;

/** The access token that takes the place of lite's. */
export type TokenSigner = (accessToken: string, method: string) => Promise<string>;

interface UserRow {
  email: string | null;
  phone: string | null;
  app_metadata: unknown;
  user_metadata: unknown;
  is_anonymous: boolean | null;
  banned: boolean | null;
}

export interface TokenSettings {
  readonly jwtSecret: string;
  readonly issuer: string;
  /** A function with its schema. */
  readonly hook: string;
  /** How many times slower than an ordinary machine this one is: the function gets so many times Auth's 2 s. */
  readonly slowness?: number | undefined;
}

export function tokenSigner(database: Database, { jwtSecret, issuer, hook, slowness = 1 }: TokenSettings): TokenSigner {
  const limitMs = Math.ceil(TIMEOUT_MS * slowness);
  const key = new TextEncoder().encode(jwtSecret);
  return async (accessToken, method) => {
    const { payload } = await jwtVerify(accessToken, key, { algorithms: ["HS256"] });
    const { user, claims } = await database.transaction(async (query) => {
      const [row] = await query<UserRow>(
        `select email, phone, raw_app_meta_data as app_metadata, raw_user_meta_data as user_metadata, is_anonymous,
           banned_until > now() as banned
         from auth.users where id = $1::uuid`,
        [payload.sub],
      );
      // lite itself lets banned users in
      if (row?.banned) throw new AuthRefusal(400, "User is banned", "user_banned");
      const complete = {
        iss: issuer,
        sub: payload.sub,
        aud: payload.aud,
        exp: payload.exp,
        iat: payload.iat,
        email: row?.email ?? "",
        phone: row?.phone ?? "",
        app_metadata: asObject(row?.app_metadata),
        user_metadata: asObject(row?.user_metadata),
        role: payload.role,
        aal: "aal1",
        amr: await signInOf(query, payload.session_id, method),
        session_id: payload.session_id,
        is_anonymous: row?.is_anonymous ?? false,
      };
      const [found] = await query("select to_regprocedure($1) is not null as there", [`${hook}(jsonb)`]);
      if (!found?.there) return { user: row, claims: complete as Record<string, unknown> };
      return {
        user: row,
        claims: await callHook(query, hook, limitMs, {
          user_id: payload.sub,
          claims: complete,
          authentication_method: method,
        }),
      };
    });
    if (!user) throw new AuthRefusal(403, "User from sub claim in JWT does not exist", "user_not_found");
    return new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key);
  };
}

/** How and when the session began: a refresh gives a new token, and is no new sign-in. (lite keeps no method.) */
async function signInOf(query: Query, sessionId: unknown, method: string) {
  const now = Math.floor(Date.now() / 1_000);
  if (method !== "token_refresh") return [{ method, timestamp: now }];
  const [session] = await query<{ began: number }>(
    "select floor(extract(epoch from created_at))::float8 as began from auth.sessions where id::text = $1",
    [String(sessionId)],
  );
  return session ? [{ method: "password", timestamp: session.began }] : [];
}

async function callHook(query: Query, name: string, limitMs: number, event: unknown) {
  let output: unknown;
  try {
    await query("set local role supabase_auth_admin");
    await query(`set local statement_timeout = '${limitMs}ms'`);
    const [row] = await query(`select ${name}($1::text::jsonb)::text as output`, [JSON.stringify(event)]);
    output = JSON.parse((row?.output as string | null) ?? "null");
  } catch {
    throw failure(`Error running hook URI: pg-functions://postgres/${name.replace(".", "/")}`);
  }
  const { claims, error } = asObject(output);
  const refusal = asObject(error);
  if (typeof refusal.message === "string" && refusal.message !== "")
    throw new AuthRefusal(Number(refusal.http_code) || 500, refusal.message);
  const named = asObject(claims);
  const missing = REQUIRED.filter((name) => named[name] === undefined || named[name] === null);
  if (missing.length > 0)
    throw failure(
      `output claims do not conform to the expected schema: \n${missing.map((name) => `- (root): ${name} is required\n`).join("")}`,
    );
  return named;
}

const failure = (message: string) => new AuthRefusal(500, message, "unexpected_failure");

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
