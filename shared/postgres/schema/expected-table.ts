/** What a collection's table has, by name, as its definition is printed. */
import type { Collection } from "../../definition/define.ts";
import { CONTROL_ONLY } from "../prepare-data-plane.ts";
import { collectionSql } from "./collection-sql.ts";

export const PARTS = ["columns", "indexes", "constraints", "triggers", "policies"] as const;

export type ExpectedTable = Readonly<Record<(typeof PARTS)[number], readonly string[]>>;

/** `isOfControl`: no other Postgres has it. `all`: those that it may refer to. Migrations may add more, by hand. */
export function expectedTable(
  collection: Collection,
  all: readonly Collection[],
): ExpectedTable & { isOfControl: boolean } {
  const text = collectionSql(collection, all);
  const named = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))];
  const [, body = ""] = /^create table \S+ \(\n([\s\S]*?)\n\);/m.exec(text) ?? [];
  return {
    isOfControl: text.startsWith(CONTROL_ONLY),
    columns: [...body.matchAll(/^ {2}(?!constraint |check |unique |primary |foreign )"?(\w+)"? /gm)].map(
      ([, name = ""]) => name,
    ),
    indexes: named(/^create (?:unique )?index (\w+)/gm),
    constraints: named(/^ *(?:alter table \S+ )?(?:add )?constraint (\w+)/gm),
    triggers: named(/^create (?:constraint )?trigger (\w+)/gm),
    policies: named(/^create policy (\w+)/gm),
  };
}
