/**
 * A forgotten password: a link by mail leads back here, signed in,
 * and a new one is set.
 */
import { auth } from "../../shared/session.ts";

/**
 * Succeeds for addresses that nobody has, too: who asks learns
 * nothing about others.
 */
export async function sendReset(email: string): Promise<void> {
  const client = await auth();
  const redirectTo = location.origin;
  const { error } = await client.resetPasswordForEmail(email, { redirectTo });
  if (error) throw error;
}

export async function setPassword(password: string): Promise<void> {
  const client = await auth();
  const { error } = await client.updateUser({ password });
  if (error) throw error;
}
