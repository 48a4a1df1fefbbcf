/** The accounts of those who are imported, by the admin API of Supabase Auth. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import { conflict, invalid, type RepositoryError } from "../contract/errors.ts";
import { authFailure } from "../postgres/failures.ts";
import type { ImportedAccount } from "./convert-account.ts";

type Answer<T> = Promise<Result<T, RepositoryError>>;

export interface FoundAccount {
  email: string;
  isConfirmed: boolean;
  hasSignedIn: boolean;
}

/**
 * Auth is there, and its database does not take this user: a trigger of the project's own on auth.users may refuse one and no
 * other. (Which SQLSTATE that was, its client does not hand on.) Only whoever sees what becomes of others can tell.
 */
export const isMaybeOfTheUser = ({ kind, cause }: RepositoryError): boolean =>
  kind === "unavailable" && (cause as { status?: unknown } | undefined)?.status === 500;

export type Accounts = ReturnType<typeof createAccounts>;

/** `client` has the secret key. */
export function createAccounts({ auth: { admin } }: SupabaseClient) {
  const get = async (id: string): Answer<FoundAccount | null> => {
    const { data, error } = await admin.getUserById(id);
    if (error?.status === 404) return ok(null);
    if (error) return err(authFailure(error));
    const { email = "", email_confirmed_at, last_sign_in_at } = data.user;
    return ok({ email, isConfirmed: Boolean(email_confirmed_at), hasSignedIn: Boolean(last_sign_in_at) });
  };
  return {
    get,

    /** Once, however often: an account with that id is this one. `conflict`: the address is another one's. */
    async create({ id, email, passwordHash, isConfirmed, metadata }: ImportedAccount): Answer<void> {
      const { error } = await admin.createUser({
        ...{ id, email, email_confirm: isConfirmed, user_metadata: metadata },
        ...(passwordHash !== undefined && { password_hash: passwordHash }),
      });
      if (!error) return ok(undefined);
      // also where an answer was lost: it may have been made all the same
      const found = await get(id);
      if (found.isErr()) return err(found.error);
      if (found.value?.email === email) return ok(undefined);
      if (error.code === "email_exists") return err(conflict("duplicate", "Somebody has that address already."));
      const { status = 0, message } = error;
      if (status === 400 || status === 422)
        return err(invalid("invalid_input", `Supabase Auth refuses the user: ${message}`));
      const said = status === 500 && { message: `Supabase Auth makes no user: ${message}` };
      return err({ ...authFailure(error), ...said });
    },

    /** Gone, whether it was there or not. */
    async remove(id: string): Answer<void> {
      const { error } = await admin.deleteUser(id);
      return !error || error.status === 404 ? ok(undefined) : err(authFailure(error));
    },
  };
}
