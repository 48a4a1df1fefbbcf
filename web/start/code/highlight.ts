/** TypeScript in pieces, each with what it is. Enough for the files that are shown here; no parser. */

type PieceKind = "comment" | "string" | "keyword" | "number" | "type" | "plain";
export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
}

const KINDS = ["comment", "string", "keyword", "number", "type"] as const;
const PATTERN = new RegExp(
  [
    String.raw`(\/\*[^]*?\*\/|\/\/[^\n]*)`,
    String.raw`("(?:[^"\\\n]|\\.)*"|\x60(?:[^\x60\\]|\\.)*\x60)`,
    String.raw`\b(import|export|from|const|let|if|else|return|throw|new|async|await|function|interface|type|readonly|null|true|false|undefined)\b`,
    String.raw`\b(\d[\d_]*)\b`,
    String.raw`\b([A-Z]\w*|string|number|boolean|void)\b`,
  ].join("|"),
  "g",
);

/** All of the text, in order. */
export function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of source.matchAll(PATTERN)) {
    if (match.index > at) pieces.push({ kind: "plain", text: source.slice(at, match.index) });
    const kind = KINDS[match.slice(1).findIndex((found) => found !== undefined)] ?? "plain";
    pieces.push({ kind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < source.length) pieces.push({ kind: "plain", text: source.slice(at) });
  return pieces;
}
