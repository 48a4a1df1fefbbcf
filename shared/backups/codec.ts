/**
 * A part: lines of canonical EJSON -> zstd -> age, where there is a recipient. Streams both ways, in constant memory. The sum is
 * of the bytes as they are stored, so that whoever keeps a backup can prove it whole without the key.
 */
import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import { Decrypter, Encrypter } from "age-encryption";
import { BSON } from "mongodb";
import { textOfLine } from "./line-text.ts";
import type { Part } from "./manifest.ts";
import { WRITTEN } from "./record-lines.ts";
import { type BackupStorage, NotStored } from "./storage.ts";

type Line = Record<string, unknown>;
/** The driver's own: classes of another copy of the library are strangers to it. */
const { EJSON } = BSON;

/** Why a part cannot be trusted, by name. */
export class BadPart extends Error {
  override readonly name = "BadPart";
  readonly kind: "missing" | "altered" | "wrong key" | "malformed";
  readonly path: string;
  constructor(kind: BadPart["kind"], path: string, detail: string) {
    super(`${path}: ${detail}`);
    this.kind = kind;
    this.path = path;
  }
}

/**
 * Characters of lines that are gathered before they are compressed, and bytes that come of it at once: each is a turn of another
 * thread, for which a busy machine lets wait.
 */
const GATHERED = 512 * 1024;

export interface Stored {
  bytes: number;
  sha256: string;
}

/** Writes a part, and says what it has become. */
export async function writePart(
  storage: BackupStorage,
  path: string,
  lines: AsyncIterable<Line>,
  recipient: string | null,
): Promise<Stored> {
  const compress = createZstdCompress({ chunkSize: GATHERED });
  const source = Readable.from(textOf(lines), { highWaterMark: 1 });
  source.on("error", (error) => compress.destroy(error));
  source.pipe(compress);
  const sum = createHash("sha256");
  const counted = { bytes: 0 };
  const bytes = recipient === null ? compress : await encrypted(compress, recipient);
  await storage.put(path, summed(bytes, sum, counted));
  return { bytes: counted.bytes, sha256: sum.digest("hex") };
}

/**
 * The lines of a part. They come before its end is read, so that the sum is known only after the last: whoever may write nothing
 * of an altered part calls `checkPart` before. Throws `BadPart`.
 */
export async function* readPart(
  storage: BackupStorage,
  backup: string,
  part: Pick<Part, "path" | "sha256" | "bytes">,
  identity: string | null,
): AsyncIterable<Line> {
  const { path } = part;
  const sum = createHash("sha256");
  const counted = { bytes: 0 };
  try {
    const stored = summed(storage.get(`${backup}/${path}`), sum, counted);
    const plain = path.endsWith(".age") ? await decrypted(stored, path, identity) : stored;
    const source = Readable.from(plain);
    const decompress = createZstdDecompress();
    source.on("error", (error) => decompress.destroy(error));
    yield* linesOf(source.pipe(decompress), path);
  } catch (error) {
    throw named(error, path);
  }
  compare(part, sum, counted.bytes);
}

/** Reads every byte as it is stored, and throws `BadPart` where that is not what was written. Needs no key. */
export async function checkPart(
  storage: BackupStorage,
  backup: string,
  part: Pick<Part, "path" | "sha256" | "bytes">,
): Promise<void> {
  const sum = createHash("sha256");
  const counted = { bytes: 0 };
  try {
    for await (const _ of summed(storage.get(`${backup}/${part.path}`), sum, counted));
  } catch (error) {
    if (error instanceof NotStored) throw named(error, part.path);
    throw error;
  }
  compare(part, sum, counted.bytes);
}

function compare({ path, sha256, bytes }: Pick<Part, "path" | "sha256" | "bytes">, sum: Hash, found: number): void {
  const is = sum.digest("hex");
  if (is === sha256 && found === bytes) return;
  throw new BadPart("altered", path, `its sha256 is ${is}, and the manifest says ${sha256}: its bytes were changed`);
}

function named(error: unknown, path: string): unknown {
  if (error instanceof BadPart) return error;
  if (error instanceof NotStored) return new BadPart("missing", path, "the part is missing");
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code.startsWith("ZSTD_") || code === "ERR_ZLIB") return new BadPart("malformed", path, `no zstd: ${code}`);
  return error;
}

async function* summed(bytes: AsyncIterable<Uint8Array>, sum: Hash, counted: { bytes: number }) {
  for await (const chunk of bytes) {
    sum.update(chunk);
    counted.bytes += chunk.byteLength;
    yield chunk;
  }
}

async function* textOf(lines: AsyncIterable<Line>): AsyncIterable<Buffer> {
  let gathered = "";
  for await (const line of lines) {
    gathered += `${(line as { [WRITTEN]?: string })[WRITTEN] ?? textOfLine(line)}\n`;
    if (gathered.length < GATHERED) continue;
    yield Buffer.from(gathered);
    gathered = "";
  }
  if (gathered !== "") yield Buffer.from(gathered);
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>, path: string): AsyncIterable<Line> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let number = 0;
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield parsed(line, path, ++number);
  }
  if (rest !== "") throw new BadPart("malformed", path, `line ${number + 1} has no end`);
}

function parsed(line: string, path: string, number: number): Line {
  try {
    // exact: a Long stays one, and a whole double is no integer
    const value: unknown = EJSON.parse(line, { relaxed: false });
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Line;
  } catch {
    // said below
  }
  throw new BadPart("malformed", path, `line ${number} is no object in EJSON`);
}

async function encrypted(bytes: Readable, recipient: string): Promise<AsyncIterable<Uint8Array>> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return iterable(await encrypter.encrypt(webStream(bytes)));
}

async function decrypted(bytes: AsyncIterable<Uint8Array>, path: string, identity: string | null) {
  if (identity === null) throw new BadPart("wrong key", path, "it is encrypted, and no identity is given");
  const decrypter = new Decrypter();
  try {
    decrypter.addIdentity(identity);
    return iterable(await decrypter.decrypt(webStream(Readable.from(bytes))));
  } catch (error) {
    if (error instanceof NotStored) throw error;
    throw new BadPart("wrong key", path, `this identity does not open it: ${(error as Error).message}`);
  }
}

const webStream = (bytes: Readable) => Readable.toWeb(bytes) as ReadableStream<Uint8Array>;

async function* iterable(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
