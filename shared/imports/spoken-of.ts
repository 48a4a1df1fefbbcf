/** What of a source a mapping speaks of, so that what it is silent about can be told. */
import type { Mapping } from "./mapping.ts";
import { type FieldRule, pathOf } from "./rules.ts";

/** The names at the top of a source's documents, by collection. */
export function namesSpokenOf({ users, records }: Mapping): ReadonlyMap<string, ReadonlySet<string>> {
  const spoken = new Map<string, Set<string>>();
  const say = (from: string, paths: readonly (string | undefined)[]) => {
    const names = spoken.get(from) ?? new Set<string>();
    for (const path of paths) if (path !== undefined) names.add(path.split(".")[0] ?? "");
    spoken.set(from, names);
  };
  const rules = (all: Iterable<FieldRule>) => [...all].map(pathOf);
  const confirmed = typeof users.confirmed === "string" ? users.confirmed : undefined;
  say(users.from, [users.id, users.email, users.password_hash, confirmed, ...rules(Object.values(users.metadata))]);
  say(users.from, [...Object.keys(users.where), ...users.ignore]);
  for (const { from, id, owner, created_at, updated_at, where, ignore, fields } of records)
    say(from, [id, owner, created_at, updated_at, ...Object.keys(where), ...ignore, ...rules(fields.values())]);
  return spoken;
}
