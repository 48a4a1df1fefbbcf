/** The way through a list that comes in pages. The page before is the browser's own way back. */
import { hrefOf } from "./route.ts";

interface PagesProps {
  readonly page: string;
  /** what is searched for, which every page of the list keeps */
  readonly query: Readonly<Record<string, string>>;
  /** where this page began; null: it is the first */
  readonly began: string | null;
  readonly next: string | null;
}

export function Pages({ page, query, began, next }: PagesProps) {
  if (!began && !next) return null;
  return (
    <nav class="pages" aria-label="Pages of the list">
      {began ? (
        <a class="button" href={hrefOf(page, null, query)}>
          First page
        </a>
      ) : null}
      {next ? (
        <a class="button" href={hrefOf(page, null, { ...query, from: next })}>
          Next page
        </a>
      ) : (
        <span class="soft">This is the last page.</span>
      )}
    </nav>
  );
}
