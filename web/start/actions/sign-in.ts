/**
 * With a password. The token that comes of it names the user's
 * home, so that no request has to look it up.
 */
import { auth } from "../../shared/session.ts";

/** Whether they are in; if not, their address has yet to be confirmed. */
export async function signIn(email: string, password: string) {
  const client = await auth();
  const { error } = await client.signInWithPassword({ email, password });
  if (error?.code === "email_not_confirmed") return false;
  if (error) throw error;
  return true;
}
