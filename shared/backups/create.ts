/**
 * Makes a backup. Parts are written as they are read; the manifest comes last, so that what a process leaves that dies is no
 * backup. One that is run again begins anew, because its snapshots are new ones.
 */
import { randomBytes } from "node:crypto";
import type { Collection } from "../definition/define.ts";
import { writePart } from "./codec.ts";
import { BackupFailed, namingPlace } from "./failures.ts";
import {
  type BackedUpDatabase,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  MANIFEST_SUM,
  type Manifest,
  type Newest,
  type Part,
  sumOf,
} from "./manifest.ts";
import type { Line } from "./record-lines.ts";
import type { BackupStorage } from "./storage.ts";
import { addSums, emptyTally, newestOf, tallied } from "./tally.ts";

/** Lines of a part. */
const PART_LINES = 100_000;
/** How often a database without a snapshot is read again at most. */
const AGAIN = 30;

export interface Content {
  /** a collection, or a table of the control plane (undefined) */
  name: string;
  collection: Collection | undefined;
  lines: () => AsyncIterable<Line>;
}

export interface Source extends Omit<BackedUpDatabase, "versions" | "newest"> {
  /** in the order in which they are to be restored */
  contents: readonly Content[];
  /** where there is no snapshot: read until all of them have nothing more to say */
  again?: readonly Content[];
}

export interface CreateOptions
  extends Pick<
    Manifest,
    "schema_hash" | "schema_revision" | "migrations" | "only" | "ledger" | "recipient" | "missing" | "kind" | "parent"
  > {
  storage: BackupStorage;
  sources: readonly Source[];
  clock?: () => Date;
  /** Asked once everything is read: why that may not be whole. */
  doubt?: () => Promise<string | null>;
  /** Before the first byte is written, under which id. */
  onBegin?: (id: string, beganAt: string) => Promise<void>;
  onPart?: (part: Part) => void;
  isInterrupted?: () => boolean;
}

type Made = Pick<Manifest, "parts" | "sums" | "databases">;

/** Throws `BackupFailed` for what people can mend. */
export async function createBackup(options: CreateOptions): Promise<Manifest> {
  const { storage, sources, clock = () => new Date(), onBegin, onPart, isInterrupted, doubt, ...said } = options;
  const began = clock().toISOString();
  const id = `${began.replaceAll(/[:.]/g, "-")}-${randomBytes(3).toString("hex")}`;
  await onBegin?.(id, began);
  const made: Made = { parts: [], sums: {}, databases: [] };
  const missing = [...said.missing];
  for (const source of sources) {
    const state = await writeSource(source, { ...options, id, made });
    const { contents: _, again: __, ...database } = source;
    made.databases.push({ ...database, versions: state.versions, newest: state.newest });
    if (!state.isStill)
      missing.push(
        `${source.name}: it was written without a pause, and has no snapshot: records that belong together may be of different instants.`,
      );
  }
  const reason = await doubt?.();
  if (reason) throw new BackupFailed(reason);
  const manifest: Manifest = {
    ...{ format: FORMAT, format_version: FORMAT_VERSION, id },
    ...{ began_at: began, ended_at: clock().toISOString() },
    ...pick(said),
    ...made,
    missing,
  };
  const text = new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`);
  await namingPlace(storage.place, async () => {
    await refuseTakenAway(storage, id, made.parts);
    // the sum first: a manifest without one would be a finished backup that nobody can trust
    await storage.put(`${id}/${MANIFEST_SUM}`, once(Buffer.from(`${sumOf(text)}\n`)));
    await storage.put(`${id}/${MANIFEST}`, once(text));
    await refuseTakenAway(storage, id, made.parts);
  });
  return manifest;
}

/** Throws where parts are gone: a `prune` whose clock is a day ahead takes this for what somebody who died has left. */
async function refuseTakenAway(storage: BackupStorage, id: string, parts: readonly Part[]): Promise<void> {
  const there = new Set<string>();
  for await (const path of storage.list(`${id}/`)) there.add(path);
  const gone = parts.find(({ path }) => !there.has(`${id}/${path}`));
  if (!gone) return;
  await storage.delete(`${id}/${MANIFEST}`);
  throw new BackupFailed(
    `${gone.path} was taken away while the rest was written, as by a \`backup prune\` on a machine whose clock is ahead: set that right. Nothing of this backup counts; run it again.`,
  );
}

interface Writing extends Pick<CreateOptions, "storage" | "recipient" | "onPart" | "isInterrupted"> {
  id: string;
  made: Made;
}

async function writeSource({ name: database, contents, again }: Source, writing: Writing) {
  const { storage, recipient, id, made, onPart, isInterrupted } = writing;
  const state = { versions: null as Versions, newest: null as Newest | null, isStill: true };
  const numbers = new Map<string, number>();

  /** How many lines there were. */
  async function write({ name, collection, lines }: Content, mayBeEmpty: boolean): Promise<number> {
    let count = 0;
    for await (const slice of slices(lines(), mayBeEmpty)) {
      if (isInterrupted?.())
        throw new BackupFailed("Interrupted: what was written is no backup, and goes with `backup prune`.");
      const tally = emptyTally();
      const number = (numbers.get(name) ?? 0) + 1;
      numbers.set(name, number);
      const path = `${name}/${database}/${number}.ndjson.zst${recipient === null ? "" : ".age"}`;
      const stored = await namingPlace(storage.place, () =>
        writePart(storage, `${id}/${path}`, tallied(slice, collection, tally), recipient),
      );
      const part = {
        ...{ path, collection: name, database, count: tally.count },
        ...{ tombstones: tally.tombstones, versions: tally.versions, ...stored },
      };
      made.parts.push(part);
      addSums(made.sums, part, tally);
      state.versions = widened(state.versions, tally.versions);
      if (tally.newest && tally.newest.version > (state.newest?.version ?? -1))
        state.newest = newestOf(collection, tally);
      count += tally.count;
      onPart?.(part);
    }
    return count;
  }

  for (const content of contents) await write(content, true);
  if (!again) return state;
  state.isStill = false;
  for (let time = 0; time < AGAIN && !state.isStill; time++) {
    let found = 0;
    for (const content of again) found += await write(content, false);
    state.isStill = found === 0;
  }
  return state;
}

/** What else may stand in the options is no business of the manifest's. */
const pick = ({
  schema_hash,
  schema_revision,
  migrations,
  only,
  ledger,
  recipient,
  kind,
  parent,
}: Omit<CreateOptions, "storage" | "sources">) => ({
  ...{ schema_hash, schema_revision, migrations, only, ledger, recipient, kind, parent },
});

type Versions = BackedUpDatabase["versions"];

function widened(one: Versions, other: Versions): Versions {
  if (!one || !other) return one ?? other;
  return { from: Math.min(one.from, other.from), to: Math.max(one.to, other.to) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/**
 * Each has to be read to its end. `mayBeEmpty`: there is at least one, which may be empty: that a collection has nothing is said,
 * too.
 */
async function* slices(lines: AsyncIterable<Line>, mayBeEmpty: boolean): AsyncIterable<AsyncIterable<Line>> {
  const iterator = lines[Symbol.asyncIterator]();
  let next = await iterator.next();
  async function* slice(): AsyncIterable<Line> {
    for (let count = 0; count < PART_LINES && !next.done; count++) {
      yield next.value;
      next = await iterator.next();
    }
  }
  if (next.done && !mayBeEmpty) return;
  do yield slice();
  while (!next.done);
}
