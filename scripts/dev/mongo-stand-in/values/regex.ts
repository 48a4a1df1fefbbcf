import type { BSONRegExp } from "bson";
import { MongoError } from "../errors.ts";

/** A regular expression of the server (PCRE) as JavaScript's; both agree on the literals and classes in use here. */
export function regularExpression(operand: unknown, options: string): RegExp {
  const bson = operand as Partial<BSONRegExp>;
  const [source, given] =
    operand instanceof RegExp
      ? [operand.source, operand.flags]
      : typeof operand === "string"
        ? [operand, ""]
        : [bson.pattern ?? "", bson.options ?? ""];
  const flags = [...new Set((options || given).replaceAll(/[^ims]/g, ""))].join("");
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    // PCRE lets any punctuation be escaped, which the u flag forbids.
    try {
      return new RegExp(source, flags);
    } catch {
      throw new MongoError(51091, `Regular expression is invalid: ${source}`);
    }
  }
}
