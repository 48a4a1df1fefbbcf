const DEEPEST = 5;

/** The code of an error, or of the first of its causes that has one: SQLSTATEs, and names such as ECONNREFUSED. */
export function codeOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > DEEPEST) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : codeOf(error.cause, depth + 1);
}
