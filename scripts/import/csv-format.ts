/** How a CSV was written: its encoding, what parts its fields, and which mark its numbers have. Guessed, unless told. */
import { detect } from "chardet";
import iconv from "iconv-lite";

export interface CsvFormat {
  encoding: string;
  delimiter: string;
  decimalMark: "." | ",";
}

const DELIMITERS = [",", ";", "\t", "|"] as const;
const ROWS = 200;

/** `sample`: the beginning of a file. What is told stands. Throws where an encoding is told that there is not. */
export function guessFormat(sample: Buffer, told: Partial<CsvFormat> = {}): CsvFormat {
  const encoding = told.encoding ?? guessEncoding(sample);
  if (!iconv.encodingExists(encoding))
    throw new Error(`There is no encoding "${encoding}": utf-8 and windows-1252 are some.`);
  const lines = iconv.decode(sample, encoding).split(/\r?\n/).slice(0, ROWS);
  // the last line may have been cut
  const whole = lines.length > 1 ? lines.slice(0, -1) : lines;
  const delimiter = told.delimiter ?? guessDelimiter(whole);
  return { encoding, delimiter, decimalMark: told.decimalMark ?? guessMark(whole, delimiter) };
}

function guessEncoding(sample: Buffer): string {
  if (isUtf8(sample)) return "utf-8";
  const found = detect(sample) ?? "windows-1252";
  // of what is no UTF-8, an ISO-8859-1 that says so is windows-1252 in truth: it has the same letters, and the euro
  return /^(ascii|utf-8|iso-8859-1)$/i.test(found) ? "windows-1252" : found.toLowerCase();
}

/** A character may have been cut at the end. */
function isUtf8(sample: Buffer): boolean {
  for (let cut = 0; cut < 4 && cut <= sample.length; cut++)
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(sample.subarray(0, sample.length - cut));
      return true;
    } catch {}
  return false;
}

/** The one that parts the most lines alike. */
function guessDelimiter(lines: readonly string[]): string {
  const filled = lines.filter((line) => line.trim() !== "");
  const scores = DELIMITERS.map((delimiter) => {
    const header = fieldsIn(filled[0] ?? "", delimiter).length;
    const alike = filled.filter((line) => fieldsIn(line, delimiter).length === header).length;
    return { delimiter, score: header > 1 ? alike * 100 + header : 0 };
  });
  return scores.reduce((best, each) => (each.score > best.score ? each : best)).delimiter;
}

/** As far as a guess needs it: no quotes within quotes, no line breaks. */
const fieldsIn = (line: string, delimiter: string): string[] =>
  line.replaceAll(/"[^"]*"/g, (quoted) => quoted.replaceAll(delimiter, " ")).split(delimiter);

/** By numbers that are written in one way only: 12,50 and 1.234,56, or 12.50 and 1,234.56. */
function guessMark(lines: readonly string[], delimiter: string): "." | "," {
  let [commas, points] = [0, 0];
  for (const line of lines.slice(1))
    for (const field of fieldsIn(line, delimiter)) {
      const text = field.trim().replaceAll('"', "");
      if (/^[-+]?(\d+|\d{1,3}(\.\d{3})+),\d{1,2}$|^[-+]?\d{1,3}(\.\d{3})+,\d+$/.test(text)) commas++;
      else if (/^[-+]?(\d+|\d{1,3}(,\d{3})+)\.\d{1,2}$|^[-+]?\d{1,3}(,\d{3})+\.\d+$/.test(text)) points++;
    }
  return commas > points ? "," : ".";
}
