/** What the fields of a record keep together, as check constraints. */
import type { Collection } from "../../definition/define.ts";
import type { Rule } from "../../definition/rules.ts";
import { identifier } from "./quoting.ts";

/** Lines of a `create table`. */
export const ruleConstraints = ({ name: table, rules }: Collection): string[] =>
  rules.map((rule) => `constraint ${ruleConstraint(table, rule)} check (${conditionOf(rule)})`);

const ruleConstraint = (table: string, rule: Rule): string =>
  identifier(table, rule.field, rule.kind.replace("-", "_"));

function conditionOf(rule: Rule): string {
  switch (rule.kind) {
    case "not-before":
      return `${rule.field} >= ${rule.other}`;
    case "any-of":
      return `${rule.unless} or num_nonnulls(${[rule.field, ...rule.others].join(", ")}) > 0`;
    case "decimals":
      return `switchyard.fits_currency(${rule.field}, ${rule.currency})`;
    case "in-use":
      return rule.day === null
        ? `switchyard.currency_end(${rule.field}) is null`
        : `${rule.day} <= coalesce(switchyard.currency_end(${rule.field}), 'infinity')`;
  }
}
