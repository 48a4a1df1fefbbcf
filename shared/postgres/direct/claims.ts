/** On whose behalf a statement is run: what row-level security goes by. */
import { Buffer } from "node:buffer";
import type { Caller } from "../../repository/database.ts";
import { type Sql, sql } from "./sql.ts";

/** As in the token that they are taken from, which has been verified; all of it, for policies of one's own. */
export interface Claims {
  [claim: string]: unknown;
  /** the user's id */
  sub: string;
  role: "authenticated";
  app_metadata: { home?: string | undefined; home_epoch?: number | undefined };
}

/** The claims of a user at home there. */
export const claimsOf = (userId: string, home?: string, homeEpoch?: number): Claims => ({
  sub: userId,
  role: "authenticated",
  app_metadata: { home, home_epoch: homeEpoch },
});

/**
 * What that caller's token claims, with the home that is meant now: the token may be from before a move. `jwt` has been
 * verified, and is only read here.
 */
export function claimsIn({ jwt, id, home, homeEpoch }: Caller): Claims {
  const own = claimsOf(id, home, homeEpoch);
  const claimed = payloadOf(jwt);
  return { ...claimed, ...own, app_metadata: { ...(claimed.app_metadata as object), ...own.app_metadata } };
}

function payloadOf(jwt: string): Record<string, unknown> {
  const [, payload = ""] = jwt.split(".");
  return payload === "" ? {} : JSON.parse(Buffer.from(payload, "base64url").toString());
}

/**
 * The statement that goes ahead of a user's own, in the same message and so in the same transaction: all that it sets
 * ends with that, also when it fails. `request.jwt.claim.sub` is the older place of the user's id, which Supabase's
 * auth.uid() looks at first: a session in which somebody else has left it must not speak for anybody. Dates come as ISO
 * and UTC whatever the database's or the role's own settings are. (num_nulls, because it takes them all and answers in one
 * byte: on their own they would send everything back.)
 */
export const actingWith = (claims: Claims, queryMs: number): Sql => sql`select num_nulls(
  set_config('role', 'authenticated', true),
  set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
  set_config('request.jwt.claim.sub', ${claims.sub}, true),
  set_config('statement_timeout', ${queryMs}, true),
  set_config('timezone', 'UTC', true),
  set_config('datestyle', 'ISO', true));`;
