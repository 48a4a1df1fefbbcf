/** The mail with the link that confirms an address, once more. */
import { auth } from "../../shared/session.ts";

export async function sendConfirmation(email: string): Promise<void> {
  const client = await auth();
  const { error } = await client.resend({
    type: "signup",
    email,
    options: { emailRedirectTo: location.origin },
  });
  if (error) throw error;
}
