/**
 * The folded form of a text, in which search compares: `İnş` is found by `inş`, `crème brûlée` by `creme brulee`, `STRASSE`
 * by `Straße`. In this order:
 *
 *   decompose   compatibility decomposition (NFKD): ﬁ is fi, ｗｉｄｅ is wide, é is e and an accent
 *   unaccent    combining marks of U+0300 to U+036F go, others stay: the voicing marks of Japanese make other words
 *   case        by the table of case-folding.ts
 *   compose     NFC, so that Hangul is not three letters each
 *   space       runs of white space, line breaks too, become one space, and at the ends nothing
 *   cut         where a length is given, and at three times as many before `case`: U+FDFA alone is 18 letters, and Hangul up
 *               to three until it is composed
 *
 * Postgres folds by the same steps and the same table (`switchyard.fold`, printed by postgres/schema/fold-sql.ts). Only the
 * normalisation is the engines' own; Unicode keeps it stable for every character that it has once assigned, so they may differ
 * in letters that are newer than the older of the two.
 */
import { FOLDED_SCRIPTS, FOLDED_TO_MANY } from "./case-folding.ts";

const ASCII = /^[\0-\x7f]*$/;
const MARKS = /[\u0300-\u036f]+/g;
/** What is white space after the decomposition, which makes a plain space of the others. */
const SPACE = /[\t-\r \u0085\u1680\u2028\u2029]+/g;
/** trim() would take more: U+FEFF, which is no white space here. */
const ENDS = /^ | $/g;
const CASED = /[A-Z]|[^\0-\x7f]/gu;

let table: ReadonlyMap<string, string> | undefined;

/** At most `length` code points; folding again changes nothing. Empty: nothing but white space and marks. */
export function fold(text: string, length = Number.POSITIVE_INFINITY): string {
  const lower = ASCII.test(text) ? text.toLowerCase() : folded(text, length);
  return cut(lower.replace(SPACE, " ").replace(ENDS, ""), length).replace(ENDS, "");
}

/** UTF-16 units are never fewer than code points. */
const cut = (text: string, length: number): string =>
  text.length <= length ? text : [...text].slice(0, length).join("");

function folded(text: string, length: number): string {
  table ??= foldings();
  const letters = table;
  const bare = cut(text.normalize("NFKD").replace(MARKS, ""), 3 * length);
  return bare.replace(CASED, (letter) => letters.get(letter) ?? letter).normalize("NFC");
}

/** Built when the first text that is not ASCII comes. */
function foldings(): ReadonlyMap<string, string> {
  const found = new Map<string, string>(FOLDED_TO_MANY);
  for (let code = 0x41; code <= 0x5a; code++) found.set(String.fromCharCode(code), String.fromCharCode(code + 0x20));
  for (const { from, to } of FOLDED_SCRIPTS) {
    const folds = [...to];
    for (const [at, letter] of [...from].entries()) found.set(letter, folds[at] ?? letter);
  }
  return found;
}
