/** The keys of a development Supabase: made once, kept with its data. */
import { randomBytes } from "node:crypto";

export interface Keys {
  readonly jwtSecret: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  readonly hookSecret: string;
}

/** A Standard Webhooks secret as Supabase Auth wants it. */
const newHookSecret = () => `v1,whsec_${randomBytes(32).toString("base64")}`;

export const newKeys = (): Keys => ({
  jwtSecret: randomBytes(32).toString("base64url"),
  publishableKey: `sb_publishable_${randomBytes(16).toString("base64url")}`,
  secretKey: `sb_secret_${randomBytes(24).toString("base64url")}`,
  hookSecret: newHookSecret(),
});
