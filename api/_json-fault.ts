/**
 * Where a text stops being JSON (RFC 8259). `JSON.parse` says it for some faults only, and in words that differ between
 * engines. Token by token and without recursion, so that depth does not matter; only for texts that were refused.
 */

/** Both counted from 1; columns in UTF-16 units, as editors do. `isEnd`: the text is a beginning of JSON, and stops. */
export interface JsonFault {
  line: number;
  column: number;
  isEnd: boolean;
}

const SPACE = /[ \t\r\n]*/y;
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what JSON does not allow in a string
  /[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

type Place = "value" | "first item" | "first key" | "key" | "colon" | "end of value";

/** The first fault, or null for a text that is JSON. */
export function jsonFault(text: string): JsonFault | null {
  const open: ("{" | "[")[] = [];
  let place: Place | undefined = "value";
  for (let at = 0; ; ) {
    const begin = matchAt(SPACE, text, at) ?? at;
    if (begin === text.length && place === "end of value" && open.length === 0) return null;
    const end = matchAt(TOKEN, text, begin);
    place = end === undefined ? undefined : follow(place, text[begin] as string, open);
    if (end === undefined || place === undefined) return { ...positionOf(text, begin), isEnd: begin === text.length };
    at = end;
  }
}

/** What comes next when a token that begins with `first` stands in this place; undefined: it may not stand there. */
function follow(place: Place, first: string, open: ("{" | "[")[]): Place | undefined {
  const container = open.at(-1);
  const isKey = place === "key" || place === "first key";
  const isValue = place === "value" || place === "first item";
  if (isKey && first === '"') return "colon";
  if (place === "colon") return first === ":" ? "value" : undefined;
  const closes =
    (first === "}" && container === "{" && (place === "first key" || place === "end of value")) ||
    (first === "]" && container === "[" && (place === "first item" || place === "end of value"));
  if (closes) {
    open.pop();
    return "end of value";
  }
  if (place === "end of value" && first === "," && container) return container === "{" ? "key" : "value";
  if (!isValue || /[}\],:]/.test(first)) return undefined;
  if (first !== "{" && first !== "[") return "end of value";
  open.push(first);
  return first === "{" ? "first key" : "first item";
}

/** The end of what a sticky pattern matches there. */
function matchAt(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function positionOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  return { line, column: at - before.lastIndexOf("\n") };
}
