/** Where one request's reads of replicated collections have come from: for its headers, and for the reads that follow. */

/** `replica` as soon as any part of an answer is from one. */
type DataSource = "primary" | "replica";

export interface ReadSources {
  /** undefined: nothing was read that is kept in two places */
  readonly source: DataSource | undefined;
  /** up to when what came from replicas is complete; null where that is not known of all of it */
  readonly completeUpTo: Date | null;
  /** The primary of that name has answered. */
  fromPrimary(primary: string): void;
  /** Its replica has, instead of it. */
  fromReplica(primary: string, completeUpTo: Date | null): void;
  /** Which of the two has answered last, of that primary's collections. */
  lastOf(primary: string): DataSource | undefined;
  /**
   * For what is read beside that, of which the answer's headers say nothing: it knows which of the two has answered, so that
   * nobody waits for a primary twice.
   */
  aside(): ReadSources;
}

export const createReadSources = (): ReadSources => readSources(new Map());

/** `aside` of what a request has read, if it is told of that. */
export const asideOf = ({ sources }: { sources?: ReadSources | undefined }): ReadSources =>
  sources?.aside() ?? createReadSources();

function readSources(last: Map<string, DataSource>): ReadSources {
  let source: DataSource | undefined;
  let earliest: Date | null = null;
  return {
    get source() {
      return source;
    },
    get completeUpTo() {
      return earliest;
    },
    fromPrimary(primary) {
      last.set(primary, "primary");
      source ??= "primary";
    },
    fromReplica(primary, completeUpTo) {
      last.set(primary, "replica");
      if (source !== "replica") earliest = completeUpTo;
      else earliest = earliest && completeUpTo && (completeUpTo < earliest ? completeUpTo : earliest);
      source = "replica";
    },
    lastOf: (primary) => last.get(primary),
    aside: () => readSources(last),
  };
}
