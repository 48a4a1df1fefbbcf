/** What the API says a page needs: where Auth is, and with which key. Asked for once. */
import { createSwitchyardClient } from "../../client/index.ts";

interface PageConfig {
  readonly supabaseUrl: string;
  readonly supabaseKey: string;
  /** where a development system shows the mail it caught */
  readonly mailboxUrl?: string | undefined;
}

let asked: Promise<PageConfig> | undefined;

/** Rejects while the API cannot be reached, and tries again when it is asked again. */
export function pageConfig(): Promise<PageConfig> {
  asked ??= ask().catch((error) => {
    asked = undefined;
    throw error;
  });
  return asked;
}

async function ask(): Promise<PageConfig> {
  const answer = await createSwitchyardClient({ url: location.origin }).config.$get();
  if (!answer.ok) throw new Error(`The API answered ${answer.status} to where Auth is.`);
  return answer.json();
}
