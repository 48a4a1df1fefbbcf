/** How one value of a record comes about: the rules of a mapping, each with the words for what is wrong with it. */
import { z } from "zod";

const path = z
  .string("Write the name of a field of the source, such as walletId or profile.name.")
  .regex(/^[^.$][^.]*(\.[^.$][^.]*)*$/, "Write the name of a field of the source, such as walletId or profile.name.");

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], "Write a text, a number, true, false or null.");
/** what stands in for nothing */
const fallback = { default: z.unknown().optional() };

const zone = z
  .string('Say in which zone the instant becomes a day: "zone": "Europe/Rome".')
  .refine(isZone, "There is no such IANA time zone; write one such as Europe/Rome, or UTC.");

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const RULES = {
  path: z.strictObject({ path, ...fallback }),
  constant: z.strictObject({ constant: z.union([scalar, z.array(z.string())]) }),
  money: z.strictObject({
    money: path,
    /** decimals behind the point, at most */
    scale: z
      .int('Say how many decimals the number has: "scale": 2.')
      .min(0, "A scale is from 0 to 4.")
      .max(4, "A scale is from 0 to 4: so many decimals are kept here."),
    /** the number counts units of the last decimal: 1250 for 12.50 */
    minor: z.boolean().default(false),
    sign: z.enum(["as-it-is", "turned", "dropped"], "A sign is as-it-is, turned or dropped.").default("as-it-is"),
    ...fallback,
  }),
  day: z.strictObject({
    day: path,
    zone,
    /** of days that are written as text */
    format: z
      .enum(
        ["YYYY-MM-DD", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY"],
        "Formats are YYYY-MM-DD, DD/MM/YYYY, MM/DD/YYYY and DD.MM.YYYY.",
      )
      .default("YYYY-MM-DD"),
    ...fallback,
  }),
  instant: z.strictObject({ instant: path, ...fallback }),
  enum: z.strictObject({
    enum: path,
    map: z.record(z.string(), scalar, 'Say what becomes of each value: "map": {"cash": "Cash"}.'),
    otherwise: scalar.optional(),
    ...fallback,
  }),
  ref: z.strictObject({
    ref: path,
    to: z.string('Name the entry of "records" that makes what it refers to: "to": "categories".'),
    ...fallback,
  }),
} as const;

type Kinds = typeof RULES;
export type FieldRule = { [K in keyof Kinds]: { kind: K } & z.infer<Kinds[K]> }[keyof Kinds];

/** A text is a path. Which rule an object is says the one key that all others lack. */
export const fieldRule = z.unknown().transform((given, context): FieldRule => {
  const written = typeof given === "string" ? { path: given } : given;
  const isObject = typeof written === "object" && written !== null && !Array.isArray(written);
  const kinds = isObject ? (Object.keys(RULES) as (keyof Kinds)[]).filter((kind) => Object.hasOwn(written, kind)) : [];
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const message = `Write the name of a field of the source, or an object with one of ${Object.keys(RULES).join(", ")}.`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }
  const parsed = RULES[kind].safeParse(written);
  if (parsed.success) return { kind, ...parsed.data } as FieldRule;
  for (const { path: where, message } of parsed.error.issues)
    context.addIssue({ code: "custom", path: where, message });
  return z.NEVER;
});

export { path as sourcePath, scalar };

/** The path that a rule reads; undefined for a constant. */
export const pathOf = (rule: FieldRule): string | undefined =>
  rule.kind === "constant" ? undefined : ((rule as Record<string, unknown>)[rule.kind] as string);

/** What there is at a path; undefined for nothing, be it null or an empty text. */
export function valueAt(document: unknown, dotted: string): unknown {
  let value = document;
  for (const name of dotted.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value === null || value === "" ? undefined : value;
}
