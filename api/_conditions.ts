/** ETags: a record's version in quotes. */
import type { Context } from "hono";
import { err, ok, type Result } from "neverthrow";
import { conflict, type RepositoryError, unavailable } from "../shared/contract/errors.ts";
import type { Repository } from "../shared/contract/repository.ts";
import type { AppEnv } from "./_environment.ts";
import { ProblemError, repositoryProblem } from "./_problem.ts";

export const etagOf = (record: { version: number }): string => `"${record.version}"`;

/** A list of entity tags (RFC 9110, 8.8.3 and 5.6.1). */
const TAGS = /^[ \t]*(W\/)?"[\x21\x23-\x7e]*"([ \t]*,[ \t]*(W\/)?"[\x21\x23-\x7e]*")*[ \t]*$/;

/** The entity tags of an `If-Match` or `If-None-Match`; weak ones are kept as they are. Throws a 400 when malformed. */
export function parseTags(name: string, header: string | undefined): "*" | string[] | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  // a tag may hold commas
  if (TAGS.test(header)) return header.match(/(W\/)?"[^"]*"/g) ?? [];
  throw new ProblemError({
    status: 400,
    code: "malformed",
    detail: `${name} must be * or a list of entity tags, such as "1790000000000001".`,
    errors: [
      { field: name, code: "invalid_value", message: "Send the ETag of the record as you got it, with its quotes." },
    ],
  });
}

const versionsOf = (tags: readonly string[]): number[] =>
  tags.map((tag) => Number(/^(?:W\/)?"(\d{1,16})"$/.exec(tag)?.[1] ?? Number.NaN));

/** Ends the request where a replica has an older version than the caller, by `If-None-Match`, has seen already. */
export function refuseOlder(c: Context<AppEnv>, { version }: { version: number }, known: ReturnType<typeof parseTags>) {
  if (c.get("sources").source !== "replica" || !Array.isArray(known)) return;
  if (versionsOf(known).some((seen) => seen > version))
    throw repositoryProblem(unavailable("The copy that is read at the moment has an older version of this record."));
}

/** Whether a version is one that `If-Match` means; without the header, any is. Weak tags hold, as in `expectedVersion`. */
export function mayChangeBy(header: string | undefined): (version: number) => boolean {
  const tags = parseTags("If-Match", header);
  if (tags === undefined || tags === "*") return () => true;
  const versions = versionsOf(tags);
  return (version) => versions.includes(version);
}

/**
 * The version that a write has to find, from `If-Match`: undefined for none. Of several tags the record's own counts,
 * which takes one more read, and a record that is not there is `not_found` whatever the tags are.
 *
 * A weak tag (`W/"..."`) of the current version holds. RFC 9110 (13.1.1) wants a strong comparison, in which a weak tag
 * equals nothing; but proxies that compress an answer weaken its tag on the way (nginx does, and Cloudflare), so that the
 * clients behind them could never write. What the strong comparison guards, bytes that are put together from two answers,
 * does not exist here: a tag is a version, and two representations of one version hold the same record.
 */
export async function expectedVersion(
  header: string | undefined,
  repository: Pick<Repository<{ version: number }>, "get">,
  id: string,
): Promise<Result<{ expectedVersion?: number }, RepositoryError>> {
  const tags = parseTags("If-Match", header);
  if (tags === undefined || tags === "*") return ok({});
  const versions = versionsOf(tags);
  const [only] = versions;
  if (tags.length === 1 && Number.isSafeInteger(only)) return ok({ expectedVersion: only as number });
  const current = await repository.get(id);
  if (current.isErr()) return err(current.error);
  const { version } = current.value;
  return versions.includes(version)
    ? ok({ expectedVersion: version })
    : err(conflict("version_mismatch", "The record has changed. Read it again and repeat the change."));
}
