/** A folder of files, one for each collection: `<collection>.ndjson` (or .jsonl) in EJSON or JSON, `<collection>.csv`. */
import { createReadStream } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "csv-parse";
import iconv from "iconv-lite";
import { BSON } from "mongodb";
import type { ImportSource, SourceDocument } from "../../shared/imports/source.ts";
import { type CsvFormat, guessFormat } from "./csv-format.ts";
import { spooledSource } from "./spooled-source.ts";

/** What is wrong with a source, in words. */
export class UnreadableSource extends Error {
  override readonly name = "UnreadableSource";
}

const SAMPLE_BYTES = 65_536;
const ENDINGS = [".ndjson", ".jsonl", ".csv"];

export async function fileSource(folder: string, told: Partial<CsvFormat> = {}): Promise<ImportSource> {
  const found = await readdir(folder).catch(() => {
    throw new UnreadableSource(`${folder} is no folder that can be read.`);
  });
  const files = new Map<string, string>();
  for (const file of found.filter((each) => ENDINGS.includes(extname(each)))) {
    const name = basename(file, extname(file));
    const other = files.get(name);
    if (other) throw new UnreadableSource(`${other} and ${file} are both of ${name}: leave one of them there.`);
    files.set(name, file);
  }
  if (files.size === 0) throw new UnreadableSource(`${folder} has no file that ends in ${ENDINGS.join(", ")}.`);
  const formats = new Map<string, CsvFormat>();
  for (const [name, file] of files)
    if (extname(file) === ".csv") formats.set(name, guessFormat(await beginningOf(join(folder, file)), told));
  const marks = new Set([...formats.values()].map(({ decimalMark }) => decimalMark));
  // where one file has no number with a mark, another one's is it
  const decimalMark = told.decimalMark ?? (marks.has(",") ? "," : ".");
  return spooledSource({
    title: folder,
    guessed: [...formats].map(([name, format]) => `${files.get(name)}: ${formatInWords({ ...format, decimalMark })}`),
    decimalMark,
    names: [...files.keys()],
    documents(name) {
      const path = join(folder, files.get(name) ?? "");
      const format = formats.get(name);
      return format ? csvDocuments(path, format) : lineDocuments(path);
    },
  });
}

const formatInWords = ({ encoding, delimiter, decimalMark }: CsvFormat): string =>
  `${encoding}, fields parted by ${delimiter === "\t" ? "tabs" : `"${delimiter}"`}, decimals behind "${decimalMark}"`;

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function* lineDocuments(path: string): AsyncGenerator<SourceDocument> {
  let number = 0;
  for await (const line of createInterface({
    input: createReadStream(path, "utf8"),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number++;
    const text = number === 1 ? line.replace(/^\ufeff/, "") : line;
    if (text.trim() === "") continue;
    if (text.includes("\ufffd"))
      throw new UnreadableSource(`${path}, line ${number}: this is not UTF-8, as NDJSON is: convert the file.`);
    let document: unknown;
    try {
      document = BSON.EJSON.parse(text, { relaxed: false });
    } catch (error) {
      throw new UnreadableSource(`${path}, line ${number}: this is no JSON (${(error as Error).message}).`);
    }
    if (typeof document !== "object" || document === null || Array.isArray(document))
      throw new UnreadableSource(`${path}, line ${number}: this is no object.`);
    yield document as SourceDocument;
  }
}

async function* csvDocuments(path: string, { encoding, delimiter }: CsvFormat): AsyncGenerator<SourceDocument> {
  const parser = createReadStream(path)
    .pipe(iconv.decodeStream(encoding))
    .pipe(
      parse({
        delimiter,
        columns: (headings: string[]) => checked(path, headings),
        bom: true,
        skip_empty_lines: true,
        trim: true,
      }),
    );
  try {
    for await (const row of parser) {
      const document = row as Record<string, string>;
      if (Object.values(document).some((text) => text.includes("\ufffd")))
        throw new UnreadableSource(`${path}, line ${parser.info.lines}: this is not ${encoding}: say --encoding.`);
      yield nested(document);
    }
  } catch (error) {
    if (error instanceof UnreadableSource) throw error;
    throw new UnreadableSource(`${path}: ${(error as Error).message}. Say --delimiter if it is not "${delimiter}".`);
  }
}

/** Each names a place of its own. */
function checked(path: string, headings: string[]): string[] {
  const wrong = headings.find((heading, at) =>
    headings.some((other, before) => before !== at && (other === heading || other.startsWith(`${heading}.`))),
  );
  if (wrong !== undefined)
    throw new UnreadableSource(`${path}, line 1: two headings say "${wrong}": give each column a name of its own.`);
  return headings;
}

/** A heading such as `profile.name` is a path. */
function nested(row: Record<string, string>): SourceDocument {
  const document: SourceDocument = {};
  for (const [heading, text] of Object.entries(row)) {
    const names = heading.split(".");
    let at = document;
    for (const name of names.slice(0, -1)) at = at[name] = typeof at[name] === "object" ? at[name] : {};
    at[names.at(-1) ?? heading] = text;
  }
  return document;
}
