/** On whose behalf a statement is run: what row-level security goes by. */
import { type Sql, sql } from "./sql.ts";

export interface Caller {
  /** the user's id */
  id: string;
  /** the claims that policies read, made from a token that has been verified: `sub`, `role`, `app_metadata` */
  claims: Readonly<Record<string, unknown>>;
}

/**
 * The statement that goes ahead of a caller's own, in the same message and so in the same transaction: all that it sets
 * ends with that, also when it fails. `request.jwt.claim.sub` is the older place of the user's id, which Supabase's
 * auth.uid() looks at first: a session that somebody else has left it in must not speak for anybody. Dates are read as
 * ISO and UTC whatever the database's or the role's own settings are.
 */
export const actingAs = ({ id, claims }: Caller, queryMs: number): Sql => sql`select
  set_config('role', 'authenticated', true),
  set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
  set_config('request.jwt.claim.sub', ${id}, true),
  set_config('statement_timeout', ${queryMs}, true),
  set_config('timezone', 'UTC', true),
  set_config('datestyle', 'ISO', true);`;
