/** One document of the source as one record, by one entry of the mapping. */
import { err, ok, type Result } from "neverthrow";
import { validate } from "../contract/validate.ts";
import type { Field } from "../definition/fields.ts";
import type { Row } from "../repository/store.ts";
import { shown, toDay, toInstant, toKind, toMapped, toMoney, type ValueContext } from "./convert-value.ts";
import type { Finding } from "./findings.ts";
import type { RecordMapping } from "./mapping.ts";
import { type FieldRule, pathOf, valueAt } from "./rules.ts";
import type { SourceDocument } from "./source.ts";
import { keyOf, timeOf, uuidOf } from "./source-ids.ts";

export interface ConvertedRecord {
  entry: RecordMapping;
  key: string;
  id: string;
  /** every field, as the schema has it */
  values: Row;
  createdAt?: string | undefined;
  updatedAt?: string | undefined;
}

interface Unfit {
  field: string;
  reason: string;
  value: unknown;
}

interface RecordContext extends ValueContext {
  /** by the names of entries: of which collection of the source, and which part, what they make is */
  targets: ReadonlyMap<string, Pick<RecordMapping, "from" | "part">>;
}

/** Undefined where there is nothing, and no default. */
export function convertField(
  field: Pick<Field, "kind">,
  rule: FieldRule,
  document: SourceDocument,
  context: ValueContext & Partial<RecordContext>,
): Result<unknown, Unfit> {
  if (rule.kind === "constant") return ok(rule.constant);
  const path = pathOf(rule) ?? "";
  const value = valueAt(document, path);
  if (value === undefined) return ok(rule.default);
  return convert(field, rule, value, context).mapErr((reason) => ({ field: path, reason, value }));
}

function convert(
  { kind }: Pick<Field, "kind">,
  rule: Exclude<FieldRule, { kind: "constant" }>,
  value: unknown,
  context: ValueContext & Partial<RecordContext>,
): Result<unknown, string> {
  switch (rule.kind) {
    case "path":
      return toKind(kind, value);
    case "money":
      return toMoney(rule, value, context);
    case "day":
      return toDay(rule, value);
    case "instant":
      return toInstant(value);
    case "enum":
      return toMapped(rule, value);
    case "ref": {
      const key = keyOf(value);
      const target = context.targets?.get(rule.to);
      return key === undefined || !target ? err("is no id") : ok(uuidOf(target.from, key, target.part));
    }
  }
}

/** Whether that entry is about the document at all. */
export const isMeant = ({ where }: Pick<RecordMapping, "where">, document: SourceDocument): boolean =>
  Object.entries(where).every(([path, wanted]) => {
    const value = valueAt(document, path) ?? null;
    const text = typeof value === "object" && value !== null ? String(value) : value;
    // in a CSV everything is a text
    return [wanted]
      .flat()
      .some((each) => each === text || (each !== null && text !== null && String(each) === String(text)));
  });

/** Undefined, and findings, for one that does not fit. */
export function convertRecord(
  entry: RecordMapping,
  document: SourceDocument,
  context: RecordContext,
  find: (finding: Finding) => void,
): ConvertedRecord | undefined {
  const { from, collection } = entry;
  const key = keyOf(valueAt(document, entry.id));
  const found = (field: string, reason: string, value: unknown) =>
    find({ from, field, reason, id: key ?? "?", ...(value !== undefined && { value: shown(value) }) });
  if (key === undefined) {
    found(entry.id, "is no id", valueAt(document, entry.id));
    return undefined;
  }
  const given: Row = {};
  let isFit = true;
  for (const [name, rule] of entry.fields) {
    const value = convertField(collection.fields[name] as Field, rule, document, context);
    if (value.isErr()) {
      found(value.error.field, value.error.reason, value.error.value);
      isFit = false;
    } else if (value.value !== undefined) given[name] = value.value;
  }
  const times = [entry.created_at, entry.updated_at].map((path) => {
    const value = path === undefined ? undefined : valueAt(document, path);
    if (path === undefined || value === undefined) return undefined;
    const instant = toInstant(value);
    if (instant.isOk()) return instant.value as string;
    found(path, instant.error, value);
    isFit = false;
    return undefined;
  });
  if (!isFit) return undefined;
  const id = uuidOf(from, key, entry.part);
  const checked = validate(collection.schemas.create, { ...given, id });
  if (checked.isErr()) {
    const problems = checked.error.errors ?? [];
    for (const { field, message } of problems) found(pathIn(entry, field), message, given[field.split(".")[0] ?? ""]);
    if (problems.length === 0) found("", checked.error.message, undefined);
    return undefined;
  }
  const { id: _, ...values } = checked.value as Row;
  const [createdAt = timeOf(valueAt(document, entry.id)), updatedAt = createdAt] = times;
  return { entry, key, id, values, createdAt, updatedAt };
}

/** Where in the source a field of the record comes from; its own name for a constant, or what nothing was said of. */
function pathIn({ fields }: RecordMapping, field: string): string {
  const rule = fields.get(field.split(".")[0] ?? "");
  return (rule && pathOf(rule)) ?? field;
}
