/** A CSV file as rows, each with the line on which it begins; commas, semicolons or tabs, whichever fits its header. */
import { Buffer } from "node:buffer";
import { CsvError, parse } from "csv-parse/sync";
import { ProblemError } from "./_problem.ts";

export interface CsvRow {
  /** counted from 1, the header's; a row with line ends inside its quotes spans several */
  line: number;
  cells: string[];
}

export interface CsvFile {
  header: string[];
  /** without those whose cells are all empty */
  rows: CsvRow[];
}

const SEPARATORS = [",", ";", "\t"];

/** Throws 422 for what is no CSV, naming the line. `known` are the columns by which the separator is told. */
export function readCsv(text: string, known: ReadonlySet<string>): CsvFile {
  const bytes = Buffer.from(text);
  const fits = SEPARATORS.map((separator) => ({ separator, fit: columnsKnown(bytes, separator, known) }));
  const best = fits.reduce((left, right) => (right.fit > left.fit ? right : left));
  const [head, ...rows] = records(bytes, best.separator);
  return {
    header: (head?.cells ?? []).map((cell) => cell.trim()),
    rows: rows.filter(({ cells }) => cells.some((cell) => cell !== "")),
  };
}

/** How many columns of the header are known, if this is the separator; one that makes no CSV of it is none. */
function columnsKnown(bytes: Buffer, separator: string, known: ReadonlySet<string>): number {
  try {
    return (records(bytes, separator, 1)[0]?.cells ?? []).filter((cell) => known.has(cell.trim())).length;
  } catch {
    return 0;
  }
}

function records(bytes: Buffer, delimiter: string, to?: number): CsvRow[] {
  let line = 1;
  let end = 0;
  try {
    const found = parse(bytes, {
      delimiter,
      record_delimiter: ["\r\n", "\n", "\r"],
      relax_column_count: true,
      info: true,
      ...(to && { to }),
    }) as unknown as { record: string[]; info: { bytes: number } }[];
    return found.map(({ record, info }) => {
      const row = { line, cells: record };
      // not the parser's own count, which takes \r\n inside quotes for two
      line += lineEnds(bytes, end, info.bytes);
      end = info.bytes;
      return row;
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const at = typeof error.lines === "number" ? ` at line ${error.lines}` : "";
    throw new ProblemError({
      status: 422,
      code: "invalid_input",
      detail: `The body is no CSV${at}: put a text that holds a quote in quotes, and double the quotes inside it.`,
    });
  }
}

function lineEnds(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (bytes[at] === 10 || (bytes[at] === 13 && bytes[at + 1] !== 10)) count++;
  return count;
}
