/** What Supabase Auth keeps of a user, as that user may have it. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import { notFound, type RepositoryError } from "../contract/errors.ts";
import { authFailure } from "../postgres/failures.ts";

/** Times are ISO 8601; what Auth does not have is null. */
export interface Account {
  id: string;
  email: string | null;
  phone: string | null;
  created_at: string;
  email_confirmed_at: string | null;
  phone_confirmed_at: string | null;
  last_sign_in_at: string | null;
  user_metadata: Record<string, unknown>;
  app_metadata: Record<string, unknown>;
  /** the accounts elsewhere that they sign in with */
  identities: { provider: string; identity_data: Record<string, unknown>; created_at: string | null }[];
}

/** `not_found` when there is no such user; `unavailable` when Auth does not answer. `client` has the secret key. */
export async function readAccount(client: SupabaseClient, userId: string): Promise<Result<Account, RepositoryError>> {
  const { data, error } = await client.auth.admin.getUserById(userId);
  if (error?.status === 404) return err(notFound("There is no such user."));
  if (error) return err(authFailure(error));
  const { user } = data;
  return ok({
    id: user.id,
    email: user.email || null,
    phone: user.phone || null,
    created_at: user.created_at,
    email_confirmed_at: user.email_confirmed_at ?? null,
    phone_confirmed_at: user.phone_confirmed_at ?? null,
    last_sign_in_at: user.last_sign_in_at ?? null,
    user_metadata: user.user_metadata ?? {},
    app_metadata: user.app_metadata ?? {},
    identities: (user.identities ?? []).map(({ provider, identity_data = {}, created_at = null }) => ({
      provider,
      identity_data,
      created_at,
    })),
  });
}
