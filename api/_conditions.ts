/** ETags: a record's version in quotes. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../shared/contract/errors.ts";
import { conflict } from "../shared/contract/errors.ts";
import type { Repository } from "../shared/contract/repository.ts";
import { ProblemError } from "./_problem.ts";

export const etagOf = (record: { version: number }): string => `"${record.version}"`;

/** The entity tags of an `If-Match` or `If-None-Match`; weak ones are kept as they are. Throws a 400 when malformed. */
export function parseTags(name: string, header: string | undefined): "*" | string[] | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  const tags = header.split(",").map((tag) => tag.trim());
  if (tags.every((tag) => /^(W\/)?"[\x21\x23-\x7e]*"$/.test(tag))) return tags;
  throw new ProblemError({
    status: 400,
    code: "malformed",
    detail: `${name} must be * or a list of entity tags, such as "1790000000000001".`,
    errors: [
      { field: name, code: "invalid_value", message: "Send the ETag of the record as you got it, with its quotes." },
    ],
  });
}

/**
 * The version that a write has to find, from `If-Match`: undefined for none. Of several tags the record's own counts,
 * which takes one more read; weak tags never match (RFC 9110, 13.1.1).
 */
export async function expectedVersion(
  header: string | undefined,
  repository: Pick<Repository<{ version: number }>, "get">,
  id: string,
): Promise<Result<{ expectedVersion?: number }, RepositoryError>> {
  const tags = parseTags("If-Match", header);
  if (tags === undefined || tags === "*") return ok({});
  const versions = tags.flatMap((tag) => (/^"\d{1,16}"$/.test(tag) ? [Number(tag.slice(1, -1))] : []));
  if (versions.length === 1 && tags.length === 1) return ok({ expectedVersion: versions[0] as number });
  const current = await repository.get(id);
  if (current.isErr()) return err(current.error);
  const { version } = current.value;
  return versions.includes(version)
    ? ok({ expectedVersion: version })
    : err(conflict("version_mismatch", "The record has changed. Read it again and repeat the change."));
}
