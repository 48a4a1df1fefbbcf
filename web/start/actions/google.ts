/** The browser goes to Google and comes back here, signed in. */
import { auth } from "../../shared/session.ts";

export async function continueWithGoogle(): Promise<void> {
  const client = await auth();
  const { error } = await client.signInWithOAuth({
    provider: "google",
    options: { redirectTo: location.origin },
  });
  if (error) throw error;
}
