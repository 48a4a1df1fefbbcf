/**
 * Characters by what a reader sees of them. Each set is written out as ranges of code points and not by Unicode property,
 * because Postgres has no properties and every runtime has another version of Unicode: what one takes for a name, all do.
 */
type Ranges = readonly (readonly [from: number, to?: number])[];

/** What `String.trim` takes away. */
const WHITE_SPACE: Ranges = [
  [0x09, 0x0d],
  [0x20],
  [0xa0],
  [0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f],
  [0x205f],
  [0x3000],
  [0xfeff],
];

/** Controls (NUL is stored nowhere), and what only shapes, joins or directs what stands beside it. */
const FORMAT: Ranges = [
  [0x01, 0x1f],
  [0x7f, 0x9f],
  [0xad],
  [0x061c],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0xfe00, 0xfe0f],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

/** Accents that need a letter to stand on. */
const COMBINING: Ranges = [
  [0x0300, 0x036f],
  [0x0483, 0x0489],
  [0x1ab0, 0x1aff],
  [0x1dc0, 0x1dff],
  [0x20d0, 0x20ff],
  [0x3099, 0x309a],
  [0xfe20, 0xfe2f],
];

/** Letters and signs whose picture is empty: fillers of Hangul and Khmer, the blank of Braille. */
const BLANK: Ranges = [[0x115f, 0x1160], [0x17b4, 0x17b5], [0x2800], [0x3164], [0xffa0]];

export const INVISIBLE: Ranges = [...WHITE_SPACE, ...FORMAT, ...COMBINING, ...BLANK];

/** What no address has beyond ASCII: what cannot be seen, but for the joiners and accents that scripts are written with. */
const NOT_IN_ADDRESSES: Ranges = [
  ...WHITE_SPACE,
  ...FORMAT.filter(([from]) => from !== 0x200b && from !== 0xfe00),
  [0x80, 0xa0],
  [0x200b],
  [0x200e, 0x200f],
  ...BLANK,
];

/** How an engine writes the code point in the brackets of a regular expression. */
type Writer = (codePoint: number) => string;
const inJavaScript: Writer = (codePoint) => `\\u{${codePoint.toString(16)}}`;
export const inPostgres: Writer = (codePoint) => `\\U${codePoint.toString(16).padStart(8, "0")}`;

/** Brackets for any character that is in none of the ranges; nothing in them means anything but itself. */
export const noneOf = (ranges: Ranges, write: Writer): string =>
  `[^${ranges.map(([from, to]) => (to === undefined ? write(from) : `${write(from)}-${write(to)}`)).join("")}]`;

/** Every code point of the white space, for what trims by a list of characters. */
export const whiteSpace = (): number[] =>
  WHITE_SPACE.flatMap(([from, to = from]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));

/** Whether a reader sees anything of the text. */
export const isVisible = (text: string): boolean => VISIBLE.test(text);
const VISIBLE = new RegExp(noneOf(INVISIBLE, inJavaScript), "u");

/**
 * An e-mail address, international ones too (RFC 6531): atoms with dots between them, and a domain of two labels or more
 * whose last one does not begin with a digit. No quotes, comments or numbers for hosts, which are allowed and nobody has.
 * Properties and look-ahead are left out: it has to mean the same to Postgres.
 */
export function emailPattern(write: Writer): string {
  const but = (...ascii: Ranges) => noneOf([...ascii, ...NOT_IN_ADDRESSES], write);
  // all of ASCII that is no letter, and no digit or hyphen as the place allows
  const symbols: Ranges = [
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7f],
  ];
  const atom = `${but([0x22], [0x28, 0x29], [0x2c], [0x2e], [0x3a, 0x3c], [0x3e], [0x40], [0x5b, 0x5d])}+`;
  const inner = but([0x01, 0x2c], [0x2e, 0x2f], ...symbols);
  const edge = but([0x01, 0x2f], ...symbols);
  const letter = but([0x01, 0x40], ...symbols);
  return `^${atom}(\\.${atom})*@(${edge}(${inner}*${edge})?\\.)+${letter}${inner}*${edge}$`;
}

const EMAIL = new RegExp(emailPattern(inJavaScript), "u");
export const isEmail = (text: string): boolean => EMAIL.test(text);

/** What has to be escaped in the address of a page: white space, controls, and signs that mean something around addresses. */
const NOT_IN_WEB_ADDRESSES: Ranges = [
  ...WHITE_SPACE,
  [0x01, 0x20],
  [0x22],
  [0x3c],
  [0x3e],
  [0x5c],
  [0x5e],
  [0x60],
  [0x7b, 0x7d],
  [0x7f, 0xa0],
];

/** http or https, a host, and whatever may come behind it. */
export function webAddressPattern(write: Writer): string {
  const host = noneOf([...NOT_IN_WEB_ADDRESSES, [0x2f], [0x3f], [0x23]], write);
  return `^[hH][tT][tT][pP][sS]?://${host}+([/?#]${noneOf(NOT_IN_WEB_ADDRESSES, write)}*)?$`;
}

const WEB_ADDRESS = new RegExp(webAddressPattern(inJavaScript), "u");
/** Beyond the pattern, which Postgres has, too: one that a browser can read. */
export const isWebAddress = (text: string): boolean => WEB_ADDRESS.test(text) && URL.canParse(text);
