/** What went wrong, in a sentence for the person who waits. */
import { isAuthRetryableFetchError } from "@supabase/auth-js";
import type { Problem } from "../shared/api.ts";

/** Of Auth, or of what stands between here and there. */
export function saidBy(error: unknown): string {
  if (isAuthRetryableFetchError(error) && error.status === 0)
    return "Sign-in cannot be reached just now. Please try again in a moment.";
  return error instanceof Error ? error.message : String(error);
}

/** Of the API. A 503 says when the database may be back; what was sent is still in the form. */
export function saidOf({ status, detail, retryAfter, errors = [] }: Problem): string {
  if (status === 503 && retryAfter !== null)
    return `Your database cannot be reached just now. Please try again in ${retryAfter} s: nothing is lost, and nothing is filed twice.`;
  return errors.length > 0 ? errors.map(({ message }) => message).join(" ") : detail;
}
