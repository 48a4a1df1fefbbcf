/**
 * What was acknowledged in a history, and what therefore nobody may read any more. Every change adds a word of its own to what
 * it has read, so that each word that was acknowledged can be asked for. Reads of one record are linearizable: whatever ended
 * before a request began, a write or a read, through whichever instance, that request has to see.
 */

export type Kind = "contacts" | "loans";

/** A record as one history knows it. */
export interface Slot {
  readonly kind: Kind;
  readonly number: number;
  /** unknown until a request with its idempotency key was answered */
  id: string | undefined;
  readonly key: string;
  /** somebody has asked for it to be made */
  isAsked: boolean;
  /** somebody was told that it is there */
  isThere: boolean;
  /** somebody has asked for its deletion */
  isUnwanted: boolean;
  /** somebody was told that it is gone */
  isGone: boolean;
  /** the newest that anybody was told of */
  version: number;
  /** that were acknowledged */
  words: Set<string>;
  /** that may be there without having been acknowledged, too */
  tried: Set<string>;
  /** what each version was seen to hold */
  contents: Map<number, string>;
}

export const newSlot = (kind: Kind, number: number, id?: string): Slot => ({
  ...{ kind, number, id, key: `${kind}-${number}`, version: 0, contents: new Map() },
  ...{ isAsked: false, isThere: false, isUnwanted: false, isGone: false, words: new Set(), tried: new Set() },
});

/** What has to be true of any answer to a request that begins now. */
export interface Floor {
  isThere: boolean;
  isGone: boolean;
  version: number;
  words: ReadonlySet<string>;
}
export const floorOf = ({ isThere, isGone, version, words }: Slot): Floor => ({
  ...{ isThere, isGone, version, words: new Set(words) },
});

export const wordsIn = (text: unknown): string[] => String(text ?? "").split(" ");
export const textOf = (record: Readonly<Record<string, unknown>>): string =>
  String(record.note ?? record.description ?? "");

type Seen = Readonly<Record<string, unknown>> & { version?: unknown };

/** Tells `broken` of everything that an answer contradicts. */
export function createBooks(broken: (what: string) => void) {
  const said = ({ kind, number }: Slot, what: string) => broken(`${kind} ${number}: ${what}`);

  function sawRecord(slot: Slot, floor: Floor, record: Seen, isWritten: boolean): void {
    const [version, text] = [Number(record.version), textOf(record)];
    if (floor.isGone) said(slot, `version ${version} was read after its deletion`);
    if (version < floor.version || (isWritten && version === floor.version))
      said(slot, `version ${version} after ${floor.version} had been acknowledged`);
    const words = wordsIn(text);
    const lost = [...floor.words].filter((word) => !words.includes(word));
    if (lost.length > 0) said(slot, `version ${version} has lost ${lost}`);
    const unknown = words.filter((word) => !slot.tried.has(word));
    if (unknown.length > 0) said(slot, `version ${version} has what nobody wrote: ${unknown}`);
    const before = slot.contents.get(version);
    if (before !== undefined && before !== text) said(slot, `version ${version} is both "${before}" and "${text}"`);
    slot.contents.set(version, text);
    slot.version = Math.max(slot.version, version);
    slot.isThere = true;
    slot.id ??= String(record.id);
  }

  return {
    read: (slot: Slot, floor: Floor, record: Seen) => sawRecord(slot, floor, record, false),
    /** An acknowledged write of these words. */
    wrote(slot: Slot, floor: Floor, record: Seen, word: string): void {
      sawRecord(slot, floor, record, true);
      slot.words.add(word);
    },
    /** An answer that it is not there. */
    missed(slot: Slot, floor: Floor): void {
      if (floor.isThere && !slot.isUnwanted) said(slot, "not there, and nobody has deleted it");
      if (slot.isUnwanted && floor.isThere) slot.isGone = true;
    },
    deleted(slot: Slot, floor: Floor): void {
      if (floor.isGone) said(slot, "deleted twice");
      slot.isGone = true;
    },
  };
}
export type Books = ReturnType<typeof createBooks>;
