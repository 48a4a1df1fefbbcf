/** What went wrong, in a sentence for the person who waits. */
import type { Problem } from "../shared/api.ts";

/** Of the API. A 503 says when the database may be back; what was sent is still in the form. */
export function saidOf({ status, detail, retryAfter, errors = [] }: Problem): string {
  if (status === 503 && retryAfter !== null)
    return `Your database cannot be reached just now. Please try again in ${retryAfter} s: nothing is lost, and nothing is filed twice.`;
  return errors.length > 0 ? errors.map(({ message }) => message).join(" ") : detail;
}
