/** Where users and records come from. A source is only ever read; what is read is BSON's or JSON's own values. */
import type { Document } from "mongodb";

export type SourceDocument = Document;

export interface ImportSource {
  /** for people and for the journal: without credentials */
  readonly title: string;
  /** what was guessed of it, in words */
  readonly guessed: readonly string[];
  /** of numbers that are written as text */
  readonly decimalMark: "." | ",";
  /** the collections that there are */
  names(): Promise<string[]>;
  /** Everything of one, each document once, in an order that is the same every time. */
  read(from: string): AsyncIterable<SourceDocument>;
  /** Of one, those in which that path holds one of these keys (`keyOf`), in any order. */
  owned(from: string, path: string, keys: readonly string[]): AsyncIterable<SourceDocument>;
  /** How many documents one has. */
  count(from: string): Promise<number>;
  close(): Promise<void>;
}
