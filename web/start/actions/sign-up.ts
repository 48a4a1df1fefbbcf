/**
 * A new user. While they are made, a database is chosen that will
 * keep their records: their home.
 */
import { auth } from "../../shared/session.ts";

/**
 * Whether they are signed in already; if not, the project wants
 * their address confirmed first.
 */
export async function signUp(email: string, password: string) {
  const client = await auth();
  const { data, error } = await client.signUp({
    email,
    password,
    options: { emailRedirectTo: location.origin },
  });
  // for instance that no database can take a new user
  if (error) throw error;
  return data.session !== null;
}
