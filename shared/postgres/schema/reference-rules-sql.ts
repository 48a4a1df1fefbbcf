/** What a record and the ones that it refers to keep together, as triggers: constraints see one table only. */
import { type Collection, identityOf } from "../../definition/define.ts";
import { referencesFrom } from "../../definition/references.ts";
import { identifier, literal } from "./quoting.ts";

/** Names of what is violated, as which a refusal tells it (postgres/refusals.ts). */
export const whereConstraint = (table: string, field: string): string => identifier(table, field, "where");
export const fixedConstraint = (table: string, field: string): string => identifier(table, field, "fixed");
export const decimalsConstraint = (table: string, field: string): string => identifier(table, field, "decimals");

/** The triggers of a collection; none where nothing of the kind is defined. `all`: what it may refer to. */
export function referenceTriggers(collection: Collection, all: readonly Collection[], table: string): string[] {
  const { name, fields, money, fixedWhileReferenced } = collection;
  const { owner } = identityOf(collection);
  const ownerOf = (target: string) => identityOf(all.find((each) => each.name === target) ?? collection).owner;
  const trigger = (what: string, event: string, condition: string, call: string[]) =>
    `create trigger ${identifier("switchyard", what)} ${event} on ${table}
  for each row when (${condition}) execute function switchyard.${call[0]}(${call.slice(1).map(literal).join(", ")});`;

  const triggers = referencesFrom(collection).flatMap(({ field, target, where }) =>
    where === undefined
      ? []
      : trigger(`${field}_where`, `after insert or update of ${field}`, `new.${field} is not null`, [
          ...["check_parent", whereConstraint(name, field), owner, field],
          ...[target, ownerOf(target), JSON.stringify(where)],
        ]),
  );
  if (money && "reference" in money.currency) {
    const { reference, field: currency } = money.currency;
    const target = fields[reference]?.references ?? "";
    triggers.push(
      trigger(
        `${money.field}_decimals`,
        `after insert or update of ${money.field}, ${reference}`,
        `new.${reference} is not null`,
        [
          ...["check_parent_currency", decimalsConstraint(name, money.field), owner, reference],
          ...[target, ownerOf(target), currency, money.field],
        ],
      ),
    );
  }
  for (const field of fixedWhileReferenced)
    triggers.push(
      trigger(`${field}_fixed`, `before update of ${field}`, `old.${field} is distinct from new.${field}`, [
        ...["keep_while_referenced", fixedConstraint(name, field), owner],
      ]),
    );
  return triggers.length === 0
    ? []
    : [
        "-- What records that refer to each other keep together. Like foreign keys these rest in a session that replicates.",
      ].concat(triggers);
}
