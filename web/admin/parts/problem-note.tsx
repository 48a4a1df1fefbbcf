/** Why something is not there, or no longer fresh. */
import type { Problem } from "../../shared/api.ts";

/** `isStale`: what is shown is from before. */
export function ProblemNote({ problem, isStale = false }: { problem: Problem | undefined; isStale?: boolean }) {
  if (!problem) return null;
  return (
    <p class="notice" role="status">
      {problem.detail}
      {isStale && " What is shown is from before."}
    </p>
  );
}
