/** What a migration makes of one record; and everything that can be found against it without a database. */
import { isDeepStrictEqual } from "node:util";
import { validate } from "../contract/validate.ts";
import type { DataMigration } from "../definition/data-migration.ts";
import type { Collection } from "../definition/define.ts";
import type { Row } from "../repository/store.ts";

export type Direction = "up" | "down";

/** `fields`: those that change, as the contract spells them; at least one. `reason`: in words. */
export type Change = { is: "none" } | { is: "change"; fields: Row } | { is: "misfit"; reason: string };

type Asked = { fields: Row } | { reason: string };

const NONE: Change = { is: "none" };
const misfit = (reason: string): Change => ({ is: "misfit", reason });
const inWords = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `record` is not changed, nor can the migration's functions do so. */
export function changeOf(migration: DataMigration, direction: Direction, record: Row): Change {
  const asked = ask(migration, direction, record);
  if ("reason" in asked) return misfit(asked.reason);
  const { fields } = asked;
  if (Object.keys(fields).length === 0) return NONE;
  const next = { ...record, ...fields };
  const unfit = unfitIn(migration.collection, next);
  if (unfit !== undefined) return misfit(`${direction} gives what the collection does not take: ${unfit}`);
  const again = ask(migration, direction, next);
  if ("reason" in again) return misfit(`${direction} of its own result: ${again.reason}`);
  const unstable = Object.keys(again.fields);
  if (unstable.length > 0)
    return misfit(
      `${direction} of its own result changes ${unstable.join(", ")} again. Let it give null for a record that it has changed: after a crash some are seen twice.`,
    );
  const found = direction === "up" ? problemOf(migration.before, record) : null;
  return found === null ? { is: "change", fields } : misfit(`before: ${found}`);
}

/** What `after` finds. */
export const foundAfter = ({ after }: DataMigration, record: Row): string | null => {
  const found = problemOf(after, record);
  return found === null ? null : `after: ${found}`;
};

function problemOf(look: DataMigration["before"], record: Row): string | null {
  try {
    return look?.(frozen(record)) || null;
  } catch (error) {
    return `it threw: ${inWords(error)}`;
  }
}

/** The fields that would be others than the record has. */
function ask(migration: DataMigration, direction: Direction, record: Row): Asked {
  const { collection } = migration;
  let given: unknown;
  try {
    given = migration[direction]?.(frozen(record)) ?? null;
  } catch (error) {
    return { reason: `${direction} threw: ${inWords(error)}` };
  }
  if (given === null) return { fields: {} };
  const checked = validate(collection.schemas.patch, given);
  if (checked.isErr())
    return { reason: `${direction} gives what the collection does not take: ${wordsOf(checked.error)}` };
  const fields = Object.entries(checked.value as Row).filter(
    ([name, value]) => value !== undefined && !isDeepStrictEqual(value, record[name] ?? null),
  );
  return { fields: Object.fromEntries(fields) };
}

/** What stands against a whole record; undefined: nothing. */
function unfitIn({ schemas, fields }: Collection, record: Row): string | undefined {
  const written = Object.entries(fields).filter(([, field]) => !field.isAuthor);
  // a record from before a field with a default lacks it, and is none the worse for it
  const given = written.map(([name, { defaulted }]) => [name, record[name] ?? (defaulted ? undefined : null)]);
  const checked = validate(schemas.create, Object.fromEntries(given));
  return checked.isErr() ? wordsOf(checked.error) : undefined;
}

const wordsOf = ({
  message,
  errors = [],
}: {
  message: string;
  errors?: { field: string; message: string }[];
}): string =>
  errors
    .map(({ field, message: said }) => (field === "" || said.startsWith(field) ? said : `${field}: ${said}`))
    .join(" ") || message;

/** The record may be written after all: what a function does to it must not come along unseen. */
const frozen = (record: Row): never => Object.freeze({ ...record }) as never;
