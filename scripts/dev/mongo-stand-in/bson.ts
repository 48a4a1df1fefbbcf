import { deserialize, serialize } from "bson";
import { MongoError } from "./errors.ts";
import type { Doc } from "./values/compare.ts";

export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
export const MAX_MESSAGE_BYTES = 48_000_000;
const MAX_DEPTH = 200;

/** Decodes with every type kept, so that nothing loses its precision or its type on the way through. */
export function decode(bytes: Uint8Array): Doc {
  let doc: Doc;
  try {
    doc = deserialize(bytes, { promoteValues: false, promoteBuffers: false, bsonRegExp: true });
  } catch (error) {
    if (error instanceof RangeError && /stack/i.test(error.message)) throw tooDeep();
    throw new MongoError(22, `invalid BSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  checkDepth(doc, 0);
  return doc;
}

function checkDepth(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || "_bsontype" in value) return;
  if (depth > MAX_DEPTH) throw tooDeep();
  for (const inner of Object.values(value)) checkDepth(inner, depth + 1);
}

function tooDeep(): MongoError {
  return new MongoError(15, `BSONObj exceeds maximum nested object depth: ${MAX_DEPTH}`);
}

export function encode(doc: Doc): Uint8Array {
  return serialize(doc, { ignoreUndefined: true });
}

/** Encodes what is to be kept. */
export function encodeDocument(doc: Doc): Uint8Array {
  const bytes = encode(doc);
  if (bytes.length > MAX_DOCUMENT_BYTES) {
    throw new MongoError(
      10334,
      `BSONObj size: ${bytes.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}(16MB)`,
    );
  }
  return bytes;
}
