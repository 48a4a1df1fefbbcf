/**
 * Replies in a form in which both servers have to give the same one, with their BSON types. What is left out is what the
 * protocol leaves to the server, and where DocumentDB 1.0 differs from MongoDB, which the stand-in follows:
 *
 *   cursor ids      whether there is one is compared, and the next command uses each server's own
 *   order           of documents that nobody asked to be sorted, or whose sort has ties
 *   batches         of a long answer: how many documents each brings
 *   any so many     of documents that are not sorted, which $limit takes: only how many
 *   errmsg          its words; codes and their names are compared
 *   keyPattern, keyValue  of a duplicate: DocumentDB does not say them
 *   ok              a double everywhere, but an int in DocumentDB where no data is asked for
 *   listCollections, listIndexes  `ns` of the first, which DocumentDB writes `$cmd.ListCollections`; a collection's uuid; a
 *                   view's `idIndex`, which is null in DocumentDB; an index's `storageEngine`, which is DocumentDB's own, and the
 *                   order in which its parts are told
 */
import { BSON, type Document } from "mongodb";

const UNCOMPARED = ["errmsg", "keyPattern", "keyValue"];
const OK_IS_AN_INT = ["ping", "create", "createIndexes", "dropIndexes", "dropDatabase", "collMod"];

export function comparable(command: Document, reply: Document): Document {
  const shown = canonical(without(reply));
  const [name = ""] = Object.keys(command);
  if (OK_IS_AN_INT.includes(name)) shown.ok = Number(reply.ok);
  if (name === "listCollections") delete shown.cursor.ns;
  if (shown.writeErrors) shown.writeErrors = shown.writeErrors.map(without);
  if (shown.cursor) {
    delete shown.cursor.id;
    delete shown.cursor.firstBatch;
    delete shown.cursor.nextBatch;
  }
  return shown;
}

/** The documents that one batch brings, as text, in which types and the order of fields count. */
export function documentsOf(command: Document, reply: Document): string[] {
  const batch: Document[] = reply.cursor?.firstBatch ?? reply.cursor?.nextBatch ?? [];
  const isListing = "listCollections" in command || "listIndexes" in command;
  return batch.map(canonical).map((document) => JSON.stringify(isListing ? listed(document) : document));
}

/** All documents of an answer, in the order that the command asks for. */
export function settled(command: Document, documents: string[]): unknown {
  if (isOrdered(command)) return documents;
  const limit = (command.pipeline ?? []).find((stage: Document) => stage.$limit)?.$limit ?? Number.POSITIVE_INFINITY;
  return documents.length >= Number(limit) ? documents.length : documents.sort();
}

/** Sorted by something that is unique. */
function isOrdered(command: Document): boolean {
  const sorts = [command.sort, ...(command.pipeline ?? []).map((stage: Document) => stage.$sort)];
  return sorts.some((sort) => sort && Object.keys(sort).some((path) => path === "_id" || path === "_id.id"));
}

function listed({ storageEngine, ...listing }: Document): Document {
  const parts = (index: Document) => Object.fromEntries(Object.entries(index).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { idIndex: told, ...document } = listing;
  const idIndex = told ?? undefined;
  const { info } = document;
  return parts({
    ...document,
    ...(info && { info: { readOnly: info.readOnly } }),
    ...(idIndex && { idIndex: parts(idIndex) }),
  });
}

const without = (document: Document): Document =>
  Object.fromEntries(Object.entries(document).filter(([name]) => !UNCOMPARED.includes(name)));

/** Every number with its type. */
const canonical = (value: Document): Document => JSON.parse(BSON.EJSON.stringify(value, { relaxed: false }));
