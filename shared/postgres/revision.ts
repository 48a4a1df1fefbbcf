/**
 * Whether this code and the schema that it finds fit. Each counts its revisions: a migration that the code needs raises the
 * schema's (`switchyard.self`), and with it SCHEMA_REVISION here; one that older code cannot run on raises `oldest_code`.
 */
import { misconfigured, type RepositoryError, storageFull } from "../contract/errors.ts";

/** The revision of the schema that this code was written for; it runs on later ones, too, until they say otherwise. */
export const SCHEMA_REVISION = 9;

/** As much of what `switchyard_health()` answers as decides. */
export interface SchemaHealth {
  revision: number;
  /** the lowest revision of the code that may run on the schema */
  oldest_code: number;
  /** its provider has made it read-only, as one that is full; absent in a schema from before */
  read_only?: boolean;
  is_standby?: boolean;
}

/** Why it takes no writes; undefined when it does. */
export function writeProblem({ read_only, is_standby }: SchemaHealth, title: string): RepositoryError | undefined {
  if (is_standby)
    return misconfigured(`${title} is a standby, which takes no writes: configure the address of the primary.`);
  if (!read_only) return undefined;
  return storageFull(
    undefined,
    `${title} is read-only, which its provider makes of a database that is full: make room or buy more, and turn that off.`,
  );
}

/** Why they do not fit, in words that name the fix; undefined when they do. `migrate` is the command that brings the schema up. */
export function revisionProblem(
  { revision, oldest_code }: SchemaHealth,
  migrate = "supabase db push",
): string | undefined {
  if (revision < SCHEMA_REVISION)
    return `The schema has revision ${revision}, and this code needs ${SCHEMA_REVISION}: migrate first: ${migrate}`;
  if (oldest_code > SCHEMA_REVISION)
    return `The schema needs code of revision ${oldest_code}, and this is ${SCHEMA_REVISION}: deploy newer code`;
  return undefined;
}
