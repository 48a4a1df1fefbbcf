/**
 * Rules that several fields of a record keep together. Each is data, from which follow the check of a body here, a check
 * constraint in Postgres (postgres/schema/rules-sql.ts) and the condition of an update in MongoDB (mongo/rules.ts).
 *
 *   not-before   a day or instant is not before another one
 *   decimals     an amount has no more decimals than its currency
 *   any-of       one of several fields is there, unless a boolean says that there is nothing any more
 *   in-use       a currency that has ended is written only in a record of a day before that
 *
 * A rule says nothing of a record in which one of its fields is null; `any-of` is about just that.
 */
import { CURRENCIES, endOf } from "../values/currencies.ts";
import { decimalsIn } from "../values/money.ts";

/** `field` is the one that is blamed. */
export type Rule =
  | { kind: "not-before"; field: string; other: string }
  | { kind: "any-of"; field: string; others: readonly string[]; unless: string }
  | { kind: "decimals"; field: string; currency: string }
  /** `day`: the record's own, null where it has none: then an ended currency is not written at all */
  | { kind: "in-use"; field: string; day: string | null };

/** The one day is not before the other. */
export const notBefore = <const A extends string, const B extends string>(field: A, other: B) =>
  ({ kind: "not-before", field, other }) as const;

/** One of them is there, unless `unless` is true. */
export const oneAtLeast = <const A extends string, const B extends string, const U extends string>(
  field: A,
  others: readonly B[],
  { unless }: { unless: U },
) => ({ kind: "any-of", field, others, unless }) as const;

export type Values = Readonly<Record<string, unknown>>;

interface Problem {
  field: string;
  code: string;
  message: string;
}

/** The fields that a rule reads. */
export function fieldsOf(rule: Rule): string[] {
  switch (rule.kind) {
    case "not-before":
      return [rule.field, rule.other];
    case "any-of":
      return [rule.field, ...rule.others, rule.unless];
    case "decimals":
      return [rule.field, rule.currency];
    case "in-use":
      return rule.day === null ? [rule.field] : [rule.field, rule.day];
  }
}

/** What is wrong with these values, whole or a part of a record: of a rule that they do not decide, nothing. */
export const problemsOf = (rules: readonly Rule[], values: Values): Problem[] =>
  rules.flatMap((rule) => {
    const isDecided = fieldsOf(rule).every(
      (field) => values[field] !== undefined && (rule.kind === "any-of" || values[field] !== null),
    );
    const message = isDecided ? brokenBy(rule, values) : undefined;
    return message === undefined ? [] : [{ field: rule.field, code: rule.kind.replace("-", "_"), message }];
  });

function brokenBy(rule: Rule, values: Values): string | undefined {
  const value = String(values[rule.field]);
  switch (rule.kind) {
    case "not-before": {
      const other = String(values[rule.other]);
      return value < other ? `${rule.field} is ${value}, before ${rule.other}, ${other}.` : undefined;
    }
    case "any-of":
      return values[rule.unless] === true || [rule.field, ...rule.others].some((field) => values[field] !== null)
        ? undefined
        : `Give ${[rule.field, ...rule.others].join(" or ")}.`;
    case "decimals":
      return tooFine(value, String(values[rule.currency]));
    case "in-use": {
      const [end, day] = [endOf(value), rule.day === null ? undefined : String(values[rule.day])];
      if (end === undefined || (day !== undefined && day <= end)) return undefined;
      const then =
        day === undefined ? "" : ` It can be used in a record of a day up to that, and ${rule.day} is ${day}.`;
      return `${value} ended on ${end}.${then}`;
    }
  }
}

/** Why that amount is none of that currency. */
function tooFine(amount: string, code: string): string | undefined {
  const most = CURRENCIES.get(code)?.decimals ?? Number.POSITIVE_INFINITY;
  if (decimalsIn(amount) <= most) return undefined;
  return most === 0
    ? `${code} has no decimals, and this is ${amount}.`
    : `${code} has ${most} decimals, and this is ${amount}.`;
}
