/** Why something is not there, or no longer fresh. */
import type { Problem } from "../shared/api.ts";

export function ProblemNote({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null;
  return (
    <p class="notice" role="status">
      {problem.detail}
    </p>
  );
}
