/**
 * Makes a full backup. Parts are written as they are read; the manifest comes last, so that what a process leaves that dies is
 * no backup. One that is run again begins anew, because its snapshots are new ones.
 */
import { randomBytes } from "node:crypto";
import type { Collection } from "../definition/define.ts";
import { writePart } from "./codec.ts";
import {
  type BackedUpDatabase,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  MANIFEST_SUM,
  type Manifest,
  type Part,
  sumOf,
} from "./manifest.ts";
import type { Line } from "./record-lines.ts";
import type { BackupStorage } from "./storage.ts";
import { addSums, emptyTally, tallied } from "./tally.ts";

/** Lines of a part. */
const PART_LINES = 100_000;

export interface Source extends Omit<BackedUpDatabase, "versions"> {
  /** by name: a collection, or a table of the control plane (undefined); in the order in which they are to be restored */
  contents: readonly { name: string; collection: Collection | undefined; lines: () => AsyncIterable<Line> }[];
}

export interface CreateOptions
  extends Pick<
    Manifest,
    "schema_hash" | "schema_revision" | "migrations" | "only" | "ledger" | "recipient" | "missing"
  > {
  storage: BackupStorage;
  sources: readonly Source[];
  clock?: () => Date;
  /** Asked once everything is read: why that may not be whole. */
  doubt?: () => Promise<string | null>;
  onPart?: (part: Part) => void;
  isInterrupted?: () => boolean;
}

export async function createBackup(options: CreateOptions): Promise<Manifest> {
  const { storage, sources, clock = () => new Date(), onPart, isInterrupted, doubt, ...said } = options;
  const began = clock().toISOString();
  const id = `${began.replaceAll(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`;
  const made: Pick<Manifest, "parts" | "sums" | "databases"> = { parts: [], sums: {}, databases: [] };
  for (const { contents, ...database } of sources) {
    let versions: Versions = null;
    for (const { name, collection, lines } of contents) {
      let number = 0;
      for await (const slice of slices(lines())) {
        if (isInterrupted?.()) throw new Error("interrupted: what was written is no backup, and may be pruned");
        const tally = emptyTally();
        const path = `${name}/${database.name}/${++number}.ndjson.zst${said.recipient === null ? "" : ".age"}`;
        const stored = await writePart(storage, `${id}/${path}`, tallied(slice, collection, tally), said.recipient);
        const { count, tombstones, versions: range } = tally;
        const part = { path, collection: name, database: database.name, count, tombstones, versions: range, ...stored };
        made.parts.push(part);
        addSums(made.sums, part, tally);
        versions = widened(versions, range);
        onPart?.(part);
      }
    }
    made.databases.push({ ...database, versions });
  }
  const reason = await doubt?.();
  if (reason) throw new Error(reason);
  const manifest: Manifest = {
    ...{ format: FORMAT, format_version: FORMAT_VERSION, id, kind: "full", parent: null },
    ...{ began_at: began, ended_at: clock().toISOString() },
    ...said,
    ...made,
  };
  const text = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  // the sum first: a manifest without one would be a finished backup that nobody can trust
  await storage.put(`${id}/${MANIFEST_SUM}`, once(Buffer.from(`${sumOf(text)}\n`)));
  await storage.put(`${id}/${MANIFEST}`, once(text));
  return manifest;
}

type Versions = BackedUpDatabase["versions"];

function widened(one: Versions, other: Versions): Versions {
  if (!one || !other) return one ?? other;
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** At least one, which may be empty: that a collection has nothing is said, too. Each has to be read to its end. */
async function* slices(lines: AsyncIterable<Line>): AsyncIterable<AsyncIterable<Line>> {
  const iterator = lines[Symbol.asyncIterator]();
  let next = await iterator.next();
  async function* slice(): AsyncIterable<Line> {
    for (let count = 0; count < PART_LINES && !next.done; count++) {
      yield next.value;
      next = await iterator.next();
    }
  }
  do yield slice();
  while (!next.done);
}
