/** One history as it is told: who is in it, and what they were told. */
import type { Books, Kind, Slot } from "./history-books.ts";

export interface Token {
  jwt: string;
  home: string | undefined;
}
export interface Listing {
  cursor: string;
  seen: string[];
  /** those that were there when it began */
  whole: Slot[];
}
export interface Person {
  id: string;
  first: string;
  tokens: Token[];
  slots: Record<Kind, Slot[]>;
  more: Slot[];
  listing: Listing | undefined;
  /** somebody has begun to delete them */
  isLeaving: boolean;
  /** acknowledged to somebody who had slept */
  late: { id: string; version: number; word: string; slot: Slot | undefined }[];
}
export interface Told {
  people: Person[];
  broken: string[];
  books: Books;
  nextWord: number;
  sleeping: { wake: () => void; ended: Promise<void> }[];
}

/** States of moves that have more steps to make. */
export const OPEN = ["announced", "copying", "switched", "aborting"];

/** One of them, whatever the number. */
export const at = <T>(all: readonly T[], index: number): T => all[index % all.length] as T;
