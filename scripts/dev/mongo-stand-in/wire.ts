import { decode, encode, MAX_MESSAGE_BYTES } from "./bson.ts";
import { MongoError } from "./errors.ts";
import type { Doc } from "./values/compare.ts";
import { put } from "./values/paths.ts";

const HEADER_BYTES = 16;
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const KNOWN_REQUIRED = CHECKSUM_PRESENT | MORE_TO_COME;

export interface Request {
  readonly requestId: number;
  readonly command: Doc;
  /** the client wants no answer (w: 0) */
  readonly silent: boolean;
  readonly legacy: boolean;
}

/** A client that does not speak the protocol; its connection is closed. */
export class ProtocolError extends Error {}

/** Cuts a stream of bytes into messages. */
export class Framer {
  #chunks: Buffer[] = [];
  #length = 0;

  *push(chunk: Buffer): Iterable<Buffer> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= 4) {
      const size = this.#peek(4).readInt32LE(0);
      if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) throw new ProtocolError(`A message of ${size} bytes`);
      if (this.#length < size) return;
      const all = this.#peek(this.#length);
      const rest = all.subarray(size);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
      yield all.subarray(0, size);
    }
  }

  /** The first bytes in one piece; joined only when they are not, so that a large message is copied once. */
  #peek(bytes: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= bytes) return first;
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }
}

function document(message: Buffer, at: number, end: number): { doc: Doc; next: number } {
  const size = at + 4 <= end ? message.readInt32LE(at) : -1;
  if (size < 5 || at + size > end) throw new ProtocolError("A document that ends after its message");
  return { doc: decode(message.subarray(at, at + size)), next: at + size };
}

function cstring(message: Buffer, at: number, end: number): { text: string; next: number } {
  const zero = message.indexOf(0, at);
  if (zero < 0 || zero >= end) throw new ProtocolError("A name without an end");
  return { text: message.toString("utf8", at, zero), next: zero + 1 };
}

/** The id to answer to, for a message whose content cannot be read. */
export function requestIdOf(message: Buffer): number {
  return message.readInt32LE(4);
}

/** Reads OP_MSG with its document sequences, and OP_QUERY as drivers use it for their first hello. */
export function parseRequest(message: Buffer): Request {
  const opcode = message.readInt32LE(12);
  if (opcode === OP_QUERY) return parseQuery(message);
  if (opcode !== OP_MSG) throw new ProtocolError(`The operation ${opcode} is not spoken here`);
  if (message.length < HEADER_BYTES + 5) throw new ProtocolError("A message without a body");
  const flags = message.readUInt32LE(HEADER_BYTES);
  if ((flags & 0xffff & ~KNOWN_REQUIRED) !== 0) throw new ProtocolError(`Unknown flags ${flags}`);
  const end = message.length - (flags & CHECKSUM_PRESENT ? 4 : 0);
  let body: Doc | undefined;
  const sequences: [string, Doc[]][] = [];
  for (let at = HEADER_BYTES + 4; at < end; ) {
    const kind = message[at];
    if (kind === 0 && !body) {
      const { doc, next } = document(message, at + 1, end);
      body = doc;
      at = next;
    } else if (kind === 1 && at + 5 <= end) {
      const stop = at + 1 + message.readInt32LE(at + 1);
      if (stop > end || stop < at + 6) throw new ProtocolError("A sequence that ends after its message");
      const name = cstring(message, at + 5, stop);
      const docs: Doc[] = [];
      for (let inner = name.next; inner < stop; ) {
        const { doc, next } = document(message, inner, stop);
        docs.push(doc);
        inner = next;
      }
      sequences.push([name.text, docs]);
      at = stop;
    } else throw new ProtocolError(`A section of the kind ${kind}`);
  }
  if (!body) throw new MongoError(40587, "OP_MSG messages must have a body section");
  for (const [name, docs] of sequences) put(body, name, docs);
  return { requestId: requestIdOf(message), command: body, silent: (flags & MORE_TO_COME) !== 0, legacy: false };
}

function parseQuery(message: Buffer): Request {
  const { text, next } = cstring(message, HEADER_BYTES + 4, message.length);
  if (!text.endsWith(".$cmd")) throw new ProtocolError("OP_QUERY is for the first hello only");
  const { doc } = document(message, next + 8, message.length);
  return { requestId: requestIdOf(message), command: { ...doc, $db: text.slice(0, -5) }, silent: false, legacy: true };
}

let answered = 0;

function withHeader(opcode: number, responseTo: number, parts: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + parts.reduce((sum, part) => sum + part.length, 0), 0);
  answered = (answered + 1) & 0x7fffffff;
  header.writeInt32LE(answered, 4);
  header.writeInt32LE(responseTo, 8);
  header.writeInt32LE(opcode, 12);
  return Buffer.concat([header, ...parts]);
}

export function formatAnswer(requestId: number, answer: Doc, legacy: boolean): Buffer {
  const body = encode(answer);
  if (!legacy) return withHeader(OP_MSG, requestId, [Buffer.alloc(5), body]);
  const reply = Buffer.alloc(20);
  reply.writeInt32LE(8, 0);
  reply.writeInt32LE(1, 16);
  return withHeader(OP_REPLY, requestId, [reply, body]);
}
