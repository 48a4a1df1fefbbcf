/** What the project lets people do, as Auth says: whether they may come in with Google, and where development keeps its mail. */
import { signal } from "@preact/signals";
import { pageConfig } from "./config.ts";

interface Project {
  readonly hasGoogle: boolean;
  /** null: mail is sent */
  readonly mailboxUrl: string | null;
}

export const project = signal<Project>({ hasGoogle: false, mailboxUrl: null });

/** Until it is known, or where it cannot be, a password is the way in. */
export async function lookAtProject(): Promise<void> {
  const { supabaseUrl, supabaseKey, mailboxUrl = null } = await pageConfig();
  project.value = { hasGoogle: false, mailboxUrl };
  const answer = await fetch(`${supabaseUrl}/auth/v1/settings`, { headers: { apikey: supabaseKey } });
  const { external } = (await answer.json()) as { external?: { google?: boolean } };
  project.value = { hasGoogle: external?.google === true, mailboxUrl };
}
