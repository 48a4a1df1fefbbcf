/** Homes that were looked up for tokens without the claim: bounded, and forgotten after a minute. */
import type { Assignment } from "./assignment.ts";

const TTL_MS = 60_000;
const MAX_ENTRIES = 10_000;

export function createAssignmentCache(clock: () => number) {
  const entries = new Map<string, { at: number; assignment: Assignment }>();
  return {
    get(userId: string): Assignment | undefined {
      const entry = entries.get(userId);
      if (entry && clock() - entry.at <= TTL_MS) return entry.assignment;
      entries.delete(userId);
      return undefined;
    },
    /** Users without a home are not kept: they get one at any moment. */
    set(assignment: Assignment): void {
      entries.delete(assignment.user_id);
      entries.set(assignment.user_id, { at: clock(), assignment });
      const oldest = entries.keys().next();
      if (entries.size > MAX_ENTRIES && !oldest.done) entries.delete(oldest.value);
    },
    delete: (userId: string) => void entries.delete(userId),
    clear: () => entries.clear(),
  };
}
