/** The one record of preferences that each user has: made from the defaults when it is first asked for. */
import { err, ok, type Result } from "neverthrow";
import type { mongoCollections } from "../collections/index.ts";
import { conflict, type RepositoryError } from "../contract/errors.ts";
import { DEFAULT_SORT } from "../contract/query.ts";
import type { Answer, Repository } from "../contract/repository.ts";
import type { CreateOf, PatchOf, RecordOf } from "../definition/define.ts";
import type { Json } from "../values/json.ts";
import { mergePatch } from "../values/merge-patch.ts";

type Collection = typeof mongoCollections.preferences;
export type Preferences = RecordOf<Collection>;
type Records = Repository<Preferences, CreateOf<Collection>, PatchOf<Collection>>;

export interface PreferencesPatch {
  language?: string | undefined;
  currency?: string | undefined;
  /** merged by RFC 7396 */
  notifications?: Json | undefined;
  /** merged by RFC 7396 */
  metadata?: Json | undefined;
}

/** So many others have to have written between a look and the write, each time, before somebody hears of it. */
const MAX_TRIES = 20;

/** Errors: those of a call. Of two who ask first at once, both get the record that one of them has made. */
export async function readPreferences(records: Records): Answer<Preferences> {
  const query = { filters: [], sort: DEFAULT_SORT, limit: 1 };
  const found = await records.list(query);
  if (found.isErr()) return err(found.error);
  const [there] = found.value.items;
  if (there) return ok(there);
  const made = await records.create({});
  if (made.isOk() || made.error.code !== "duplicate") return made;
  const again = await records.list(query);
  return again.andThen(({ items: [first] }): Result<Preferences, RepositoryError> => (first ? ok(first) : err(GONE)));
}

/**
 * Merges the patch into what is there, and writes on the version that it was merged with: of patches that come at once, each
 * is merged with the ones before it. `mayChange` says of a version whether the caller means it; `version_mismatch` when not.
 */
export async function changePreferences(
  records: Records,
  patch: PreferencesPatch,
  mayChange: (version: number) => boolean = () => true,
): Answer<Preferences> {
  for (let tries = 1; ; tries++) {
    const found = await readPreferences(records);
    if (found.isErr()) return found;
    const { id, version, notifications, metadata } = found.value;
    if (!mayChange(version)) return err(CHANGED);
    const merged = {
      ...(patch.language !== undefined && { language: patch.language }),
      ...(patch.currency !== undefined && { currency: patch.currency }),
      ...(patch.notifications !== undefined && {
        notifications: mergePatch(notifications, patch.notifications) as Json,
      }),
      ...(patch.metadata !== undefined && { metadata: mergePatch(metadata, patch.metadata) as Json }),
    };
    const written = await records.update(id, merged, { expectedVersion: version });
    const isOvertaken = written.isErr() && ["version_mismatch", "not_found"].includes(written.error.code);
    if (!isOvertaken || tries === MAX_TRIES) return written;
  }
}

const CHANGED = conflict("version_mismatch", "The preferences have changed. Read them again and repeat the change.");
const GONE = conflict("version_mismatch", "The preferences were deleted meanwhile.");
