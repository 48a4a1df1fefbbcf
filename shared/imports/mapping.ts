/** The mapping file: which users there are, and what becomes of the records of each. */
import { err, ok, type Result } from "neverthrow";
import { z } from "zod";
import type { Collection } from "../definition/define.ts";
import type { Field } from "../definition/fields.ts";
import { type FieldRule, fieldRule, scalar, sourcePath } from "./rules.ts";
import { MAX_PART } from "./source-ids.ts";

const where = z
  .record(
    sourcePath,
    z.union([scalar, z.array(scalar)]),
    'Write the values that are meant: "where": {"type": "expense"}.',
  )
  .default({});
const ignore = z.array(z.string(), 'Write a list of names: "ignore": ["legacyFlag"].').default([]);
const collectionName = z.string("Name a collection of the source.").min(1, "Name a collection of the source.");

const SCHEMA = z.strictObject({
  version: z.literal(1, 'This is format 1: write "version": 1.'),
  users: z.strictObject({
    from: collectionName,
    id: sourcePath.default("_id"),
    email: sourcePath,
    password_hash: sourcePath.optional(),
    /** a field that is true, or an instant, where the address was proven; without it nobody's was */
    confirmed: z.union([z.boolean(), sourcePath]).default(false),
    metadata: z.record(z.string().min(1), fieldRule).default({}),
    where,
    ignore,
  }),
  records: z.array(
    z.strictObject({
      name: z.string().min(1).optional(),
      from: collectionName,
      to: z.string("Name a collection of this application."),
      id: sourcePath.default("_id"),
      /** the field that names the user */
      owner: sourcePath,
      part: z.int().min(0).max(MAX_PART, `A part is from 0 to ${MAX_PART}.`).default(0),
      where,
      fields: z.record(z.string(), fieldRule),
      created_at: sourcePath.optional(),
      updated_at: sourcePath.optional(),
      ignore,
    }),
    'Write a list of entries: "records": [{"from": …, "to": …, "owner": …, "fields": {…}}].',
  ),
});

type Parsed = z.infer<typeof SCHEMA>;
export type UserMapping = Parsed["users"];
export interface RecordMapping extends Omit<Parsed["records"][number], "name" | "fields"> {
  name: string;
  collection: Collection;
  fields: ReadonlyMap<string, FieldRule>;
}

export interface Mapping {
  users: UserMapping;
  /** parents before what refers to them */
  records: readonly RecordMapping[];
}

/** One line for each problem: where it is, and what to write there. `collections`: those of a home, parents first. */
export function readMapping(text: string, collections: readonly Collection[]): Result<Mapping, string[]> {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    // V8 names the line and the column, where it can
    return err([`The mapping is no JSON: ${(error as Error).message}`]);
  }
  const parsed = SCHEMA.safeParse(given);
  if (!parsed.success) return err(parsed.error.issues.flatMap(inWords));
  const { users, records } = parsed.data;
  const entries = records.map((entry) => ({ ...entry, name: entry.name ?? entry.to }));
  const problems = [...problemsOf(entries, collections)];
  if (problems.length > 0) return err(problems);
  const made = entries.map((entry): RecordMapping => {
    const collection = collections.find(({ name }) => name === entry.to) as Collection;
    return { ...entry, collection, fields: new Map(Object.entries(entry.fields)) };
  });
  const orderOf = ({ collection }: RecordMapping) => collections.indexOf(collection);
  return ok({ users, records: made.sort((a, b) => orderOf(a) - orderOf(b)) });
}

/** `records[0].fields.amount: Say how …` */
function inWords(issue: z.core.$ZodIssue): string[] {
  const at = pathText(issue.path);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${at === "" ? key : `${at}.${key}`}: There is nothing of that name to say here.`);
  const isMissing = issue.code === "invalid_type" && issue.message.startsWith("Invalid input");
  return [`${at === "" ? "The mapping" : at}: ${isMissing ? `This has to be ${issue.expected}.` : issue.message}`];
}

const pathText = (path: readonly PropertyKey[]): string =>
  path.map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${String(key)}`)).join("");

type Entry = Omit<Parsed["records"][number], "name"> & { name: string };

function* problemsOf(entries: readonly Entry[], collections: readonly Collection[]): Generator<string> {
  for (const [index, entry] of entries.entries()) {
    const at = `records[${index}]`;
    const collection = collections.find(({ name }) => name === entry.to);
    if (!collection) {
      yield `${at}.to: No collection "${entry.to}" is kept in users' homes. There are ${collections.map(({ name }) => name).join(", ")}.`;
      continue;
    }
    const twin = entries.findIndex(({ name }) => name === entry.name);
    if (twin < index) yield `${at}.name: records[${twin}] has the name "${entry.name}", too. Give each its own "name".`;
    const other = entries.findIndex(({ from, owner }) => from === entry.from && owner !== entry.owner);
    if (other >= 0 && other < index)
      yield `${at}.owner: records[${other}] says that ${entry.from} name their user in ${entries[other]?.owner}. One of them is wrong.`;
    for (const [name, rule] of Object.entries(entry.fields)) {
      const field = Object.hasOwn(collection.fields, name) ? collection.fields[name] : undefined;
      const problem = field
        ? unfit(name, field, rule, entries)
        : `There is no field ${name} in ${entry.to}. There are ${Object.keys(collection.fields).join(", ")}.`;
      if (problem) yield `${at}.fields.${name}: ${problem}`;
    }
    for (const [name, field] of Object.entries(collection.fields))
      if (field.required && !field.defaulted && !Object.hasOwn(entry.fields, name))
        yield `${at}.fields: ${name} is missing, and every ${collection.title} has one.`;
  }
}

/** Which rule a field of that kind takes, and how it is written. */
const NEEDS: Partial<Record<Field["kind"], readonly [FieldRule["kind"], string]>> = {
  money: ["money", '{"money": "amount", "scale": 2}'],
  decimal: ["money", '{"money": "rate", "scale": 4}'],
  day: ["day", '{"day": "date", "zone": "Europe/Rome"}'],
  instant: ["instant", '{"instant": "date"}'],
};

function unfit(name: string, field: Field, rule: FieldRule, entries: readonly Entry[]): string | undefined {
  if (rule.kind === "constant") return undefined;
  if (field.references !== undefined) {
    if (rule.kind !== "ref") return `${name} refers to a record: write {"ref": "walletId", "to": <the entry's name>}.`;
    const target = entries.find((entry) => entry.name === rule.to);
    if (!target) return `There is no entry "${rule.to}" in "records".`;
    return target.to === field.references
      ? undefined
      : `${name} refers to ${field.references}, and the entry "${rule.to}" makes ${target.to}.`;
  }
  const needed = NEEDS[field.kind];
  if (needed && rule.kind !== needed[0]) return `${name} is ${a(field.kind)}: write ${needed[1]}.`;
  if (!needed && !["path", "enum"].includes(rule.kind))
    return `${name} is ${a(field.kind)}, and no ${rule.kind}: write a path, a constant or an enum.`;
  return undefined;
}

const a = (kind: string) =>
  kind === "instant" || kind === "integer" ? `an ${kind}` : kind === "money" ? "money" : `a ${kind}`;
