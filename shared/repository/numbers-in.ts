import type { Collection } from "../definition/define.ts";

/** The fields of a collection that can be added up, whatever they are in. */
export const numbersIn = ({ fields }: Collection): string[] =>
  Object.entries(fields)
    .filter(([, { kind }]) => kind === "money" || kind === "decimal" || kind === "integer")
    .map(([name]) => name);
