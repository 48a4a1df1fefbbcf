/**
 * Ends this session, and no other device's. Every database refuses
 * its token within two seconds.
 */
import { auth } from "../../shared/session.ts";

export async function signOut(): Promise<void> {
  const client = await auth();
  const { error } = await client.signOut({ scope: "local" });
  if (error) throw error;
}
