/**
 * Text, the same in both databases: what is refused, how long it is, and how it is folded for search.
 */

/** True when a text can be stored by both databases: no NUL (Postgres refuses it), no lone surrogate (UTF-8 has none). */
export function isStorable(text: string): boolean {
  return !text.includes("\u0000") && text.isWellFormed();
}

/** Length in code points, as Postgres' `char_length` and MongoDB's `maxLength` count; `String.length` counts UTF-16 units. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * The folded form that search compares: compatibility-normalised and case-folded, so that "STRASSE" finds "Straße".
 * It is made here and stored, because the engines fold differently. Down, up and down again approximates Unicode case
 * folding (ẞ -> ß -> SS -> ss); the final sigma, which `toLowerCase` chooses by its place in a word, is put back to the plain one.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
}

/** The folded search text of a record: its search fields, one a line; absent ones left out. */
export function searchText(fields: readonly string[], record: Readonly<Record<string, unknown>>): string {
  return fields
    .map((name) => record[name])
    .filter((value) => typeof value === "string")
    .map(fold)
    .join("\n");
}

/** Order of two texts by UTF-8 bytes (which is code point order), as both databases sort; `<` compares UTF-16 units. */
export function compareText(left: string, right: string): number {
  const a = left[Symbol.iterator]();
  const b = right[Symbol.iterator]();
  for (;;) {
    const x = a.next();
    const y = b.next();
    if (x.done || y.done) return Number(y.done ?? false) - Number(x.done ?? false);
    const order = (x.value.codePointAt(0) ?? 0) - (y.value.codePointAt(0) ?? 0);
    if (order !== 0) return order;
  }
}
