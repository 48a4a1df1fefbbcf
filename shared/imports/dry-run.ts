/** What an import would do, and what would not fit, and why. It writes nothing, here or there. */
import { ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { throughOutage } from "../contract/through-outage.ts";
import type { Finding } from "./findings.ts";
import type { Journal, Standing } from "./journal.ts";
import type { Mapping } from "./mapping.ts";
import { readUsers } from "./read-users.ts";
import { valueAt } from "./rules.ts";
import type { ImportSource } from "./source.ts";
import { keyOf } from "./source-ids.ts";
import { addUser, createTotals, type Totals } from "./totals.ts";

export interface DryRunOptions {
  source: ImportSource;
  mapping: Mapping;
  journal: Pick<Journal, "look">;
  find: (finding: Finding) => void;
  batchSize: number;
  onRead: (read: number) => void;
  isOver: () => boolean;
}

export interface DryRun {
  /** users who would be taken in, and who would not */
  fit: number;
  unfit: number;
  /** of those who would be taken in */
  totals: Totals;
  /** false: it was ended before it was through */
  isAll: boolean;
}

/** In words, why a user is not taken in. */
export const STANDINGS: Readonly<Record<Exclude<Standing, "new">, string>> = {
  there: "is here already, with the id that the import would give",
  taken: "somebody here has that address already",
  deleted: "was here, and has deleted the account",
  elsewhere: "is of another run of an import",
};

export async function dryRun(options: DryRunOptions): Promise<Result<DryRun, RepositoryError>> {
  const { source, mapping, journal, find } = options;
  const { from, email: field } = mapping.users;
  const result: DryRun = { fit: 0, unfit: 0, totals: createTotals(), isAll: true };
  const counted = new Map<string, number>();
  const reading = {
    ...{ source, mapping, find, batchSize: options.batchSize },
    onDocuments: (name: string, count: number) => counted.set(name, (counted.get(name) ?? 0) + count),
  };
  for await (const batch of readUsers(reading)) {
    const asked = batch.users.map(({ account: { id, email } }) => ({ user_id: id, email }));
    const looked = asked.length === 0 ? ok([]) : await throughOutage(() => journal.look(asked));
    if (looked.isErr()) return looked.map(() => result);
    const standings = new Map(looked.value.map((each) => [each.user_id, each]));
    for (const user of batch.users) {
      const { id, key, email } = user.account;
      const { is = "new", run = null } = standings.get(id) ?? {};
      const reason = is === "new" ? undefined : is === "elsewhere" ? `is of run ${run}` : STANDINGS[is];
      if (reason !== undefined) find({ from, field, reason, id: key, value: email });
      if (!user.isFit || reason !== undefined) {
        result.unfit++;
        continue;
      }
      result.fit++;
      addUser(result.totals, user.records);
    }
    result.unfit += batch.unread.length;
    options.onRead(batch.read);
    if (options.isOver()) return ok({ ...result, isAll: false });
  }
  await ownerless(options, counted);
  return ok(result);
}

/** Documents of users who are not there, or are not taken in. */
async function ownerless(
  { source, mapping, find, isOver }: DryRunOptions,
  counted: ReadonlyMap<string, number>,
): Promise<void> {
  const owners = new Map(mapping.records.map(({ from, owner }) => [from, owner]));
  const there = new Set<string>();
  const isMissing = [];
  for (const [from, owner] of owners)
    if ((await source.count(from)) !== (counted.get(from) ?? 0)) isMissing.push({ from, owner });
  if (isMissing.length === 0) return;
  for await (const document of source.read(mapping.users.from)) {
    const key = keyOf(valueAt(document, mapping.users.id));
    if (key !== undefined) there.add(key);
  }
  for (const { from, owner } of isMissing)
    for await (const document of source.read(from)) {
      if (isOver()) return;
      const key = keyOf(valueAt(document, owner));
      if (key !== undefined && there.has(key)) continue;
      const reason = key === undefined ? "names no user" : "names a user who is not in the source";
      find({ from, field: owner, reason, id: keyOf(valueAt(document, "_id")) ?? "?", value: key, isNote: true });
    }
}
