/** Which kind of source an address is. */
import { stat } from "node:fs/promises";
import type { ImportSource } from "../../shared/imports/source.ts";
import type { CsvFormat } from "./csv-format.ts";
import { fileSource, UnreadableSource } from "./file-source.ts";
import { mongoSource } from "./mongo-source.ts";

/** Throws `UnreadableSource`. What is told of a CSV is for sources that have some. */
export async function openSource(uri: string, told: Partial<CsvFormat>): Promise<ImportSource> {
  if (/^mongodb(\+srv)?:\/\//.test(uri)) {
    if (!/^mongodb(\+srv)?:\/\/[^/]+\/[^?]+/.test(uri))
      throw new UnreadableSource("Name the database in the address: mongodb://host:27017/its-name.");
    return mongoSource(uri);
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(uri) && !uri.startsWith("file://"))
    throw new UnreadableSource(
      `No source is read from ${uri.split("://")[0]}://: name a mongodb:// address or a folder.`,
    );
  const folder = uri.startsWith("file://") ? decodeURIComponent(new URL(uri).pathname) : uri;
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new UnreadableSource(
      `There is no folder ${folder}. A source is a mongodb:// address, or a folder of .ndjson and .csv files.`,
    );
  return fileSource(folder, told);
}
