/**
 * A database that gives no snapshot is read once, and then what has become newer meanwhile, again and again, until there is nothing:
 * then the last of each record's lines are those of one instant. In the memory of what was written in the last minutes.
 */
import { type Collection, identityOf } from "../definition/define.ts";
import { uuidText } from "../mongo/documents.ts";
import type { Reading, Wanted } from "./reading.ts";
import { type Line, versionOf } from "./record-lines.ts";

/** What was read of one collection and may be met again: its newest lines, with their versions. */
interface Known {
  since: number;
  versions: Map<string, number>;
}

export interface UntilStill extends Reading {
  /** What is newer than when that was last read; and what came late, with a version of before. */
  again(collection: Collection): AsyncIterable<Line>;
}

/** `since`: the version that nobody who writes from now on can be below. */
export function untilStill(read: Reading["lines"], since: () => number): UntilStill {
  const known = new Map<string, Known>();

  async function* lines(collection: Collection, wanted?: Wanted): AsyncIterable<Line> {
    const own = known.get(collection.name) ?? { since: since(), versions: new Map() };
    known.set(collection.name, own);
    for await (const line of read(collection, wanted)) {
      if (versionOf(line) > own.since) own.versions.set(keyOf(collection, line), versionOf(line));
      yield line;
    }
  }

  async function* again(collection: Collection): AsyncIterable<Line> {
    const before = known.get(collection.name);
    if (!before) return;
    const own: Known = { since: since(), versions: new Map() };
    for await (const line of read(collection, { newerThan: before.since })) {
      const [key, version] = [keyOf(collection, line), versionOf(line)];
      if (version > own.since) own.versions.set(key, version);
      if (before.versions.get(key) !== version) yield line;
    }
    known.set(collection.name, own);
  }
  return { lines, again };
}

const keyOf = (collection: Collection, line: Line) =>
  `${uuidText(line[identityOf(collection).owner])} ${uuidText(line.id)}`;
