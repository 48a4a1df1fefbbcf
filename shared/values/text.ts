/**
 * Text, the same in both databases: what is refused, how long it is, and how it sorts. How it is folded for search: fold.ts.
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
