/**
 * What the fields of a record keep together, where an update gives only some of them: a condition on the others, which the
 * update's own filter carries. So no look is needed before, and nobody changes the others in between.
 */
import { Decimal128, type Document } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { fieldsOf, type Rule } from "../definition/rules.ts";
import type { Row } from "../repository/store.ts";
import { CURRENCIES, decimalsOf, endOf } from "../values/currencies.ts";
import { decimalsIn } from "../values/money.ts";
import { toStored } from "./documents.ts";

/** Conditions on the document as it is; none where the values decide by themselves, or break no rule whatever is there. */
export const ruleConditions = (collection: Collection, values: Row): Document[] =>
  collection.rules.flatMap((rule) => {
    if (rule.kind === "any-of") return anyLeft(rule, values);
    const given = fieldsOf(rule).filter((field) => values[field] !== undefined);
    const isPart = given.length === 1 && fieldsOf(rule).length === 2;
    const [field = ""] = given;
    return isPart && values[field] !== null ? conditionOf(collection, rule, field, values[field]) : [];
  });

/** What is given empties some of them: one of those that stay has to be there. */
function anyLeft({ field, others, unless }: Extract<Rule, { kind: "any-of" }>, values: Row): Document[] {
  const names = [field, ...others];
  if (values[unless] === true || names.some((name) => values[name] !== undefined && values[name] !== null)) return [];
  const left = names.filter((name) => values[name] === undefined).map((name) => ({ [name]: { $ne: null } }));
  if (left.length === names.length && values[unless] === undefined) return [];
  return [{ $or: [...left, ...(values[unless] === undefined ? [{ [unless]: true }] : [])] }];
}

/** Of a rule of two fields, one of which is given. */
function conditionOf(
  collection: Collection,
  rule: Exclude<Rule, { kind: "any-of" }>,
  given: string,
  value: unknown,
): Document[] {
  const isBlamed = given === rule.field;
  switch (rule.kind) {
    case "not-before": {
      const stored = toStored(collection.fields[given]?.kind ?? "day", value);
      return isBlamed ? [orNull(rule.other, { $lte: stored })] : [orNull(rule.field, { $gte: stored })];
    }
    case "decimals": {
      if (isBlamed) return noneOf(rule.currency, coarserThan(decimalsIn(String(value))));
      const step = Decimal128.fromString(`1E-${decimalsOf(value)}`);
      const isWhole = { $expr: { $eq: [{ $mod: [`$${rule.field}`, step] }, 0] } };
      return [{ $or: [{ [rule.field]: null }, isWhole] }];
    }
    case "in-use": {
      if (rule.day === null) return [];
      const end = endOf(String(value));
      if (isBlamed) return end === undefined ? [] : [orNull(rule.day, { $lte: end })];
      return noneOf(rule.field, endedBefore(String(value)));
    }
  }
}

const orNull = (field: string, condition: Document): Document => ({ $or: [{ [field]: null }, { [field]: condition }] });

const noneOf = (field: string, codes: string[]): Document[] =>
  codes.length === 0 ? [] : [{ [field]: { $nin: codes } }];

/** Currencies that have fewer decimals. */
export const coarserThan = (decimals: number): string[] =>
  [...CURRENCIES].filter(([, currency]) => currency.decimals < decimals).map(([code]) => code);

const endedBefore = (day: string): string[] =>
  [...CURRENCIES].filter(([, { until }]) => until !== undefined && until < day).map(([code]) => code);
