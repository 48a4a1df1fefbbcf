/** Everything of one user, and whether it fits together: what refers to what, and what may be there only once. */
import type { Collection } from "../definition/define.ts";
import { problemsOf } from "../definition/rules.ts";
import type { Row } from "../repository/store.ts";
import { type ConvertedRecord, convertRecord, isMeant } from "./convert-record.ts";
import { type Finding, misfitInWords } from "./findings.ts";
import type { Mapping } from "./mapping.ts";
import type { ImportSource, SourceDocument } from "./source.ts";

/** By collection, parents first. */
export type ConvertedRecords = ReadonlyMap<Collection, readonly ConvertedRecord[]>;

export interface ConvertedUser {
  records: ConvertedRecords;
  /** false: something does not fit, which findings say; the user is not taken in */
  isFit: boolean;
  /** the first of it, in words */
  misfit?: string | undefined;
}

/** `documents`: this user's, by collection of the source. */
export function convertUser(
  mapping: Mapping,
  documents: ReadonlyMap<string, readonly SourceDocument[]>,
  { decimalMark }: Pick<ImportSource, "decimalMark">,
  find: (finding: Finding) => void,
): ConvertedUser {
  let misfit: string | undefined;
  const inTheWay = (finding: Finding) => {
    if (!finding.isNote) misfit ??= misfitInWords(finding);
    find(finding);
  };
  const targets = new Map(mapping.records.map((entry) => [entry.name, entry]));
  const records = new Map<Collection, ConvertedRecord[]>();
  const made = new Map<Collection, Map<string, ConvertedRecord>>();
  for (const entry of mapping.records) {
    const { collection } = entry;
    const list = records.get(collection) ?? [];
    const byId = made.get(collection) ?? new Map<string, ConvertedRecord>();
    records.set(collection, list);
    made.set(collection, byId);
    for (const document of documents.get(entry.from) ?? []) {
      if (!isMeant(entry, document)) continue;
      const record = convertRecord(entry, document, { decimalMark, targets }, inTheWay);
      if (!record) continue;
      if (byId.has(record.id))
        inTheWay(
          about(
            record,
            "",
            `makes a second record of ${collection.name} with the same id: give one of the entries another "part"`,
          ),
        );
      byId.set(record.id, record);
      list.push(record);
    }
  }
  for (const [collection, list] of records) {
    for (const record of list) for (const finding of faultsOf(record, collection, made)) inTheWay(finding);
    for (const finding of twins(collection, list)) inTheWay(finding);
  }
  return { records, isFit: misfit === undefined, misfit };
}

const about = ({ entry, key }: ConvertedRecord, field: string, reason: string, value?: unknown): Finding => ({
  ...{ from: entry.from, field, reason, id: key },
  ...(value !== undefined && { value: String(value) }),
});

/** References that lead nowhere, or to what they must not, and amounts that are none in the currency of what they refer to. */
function* faultsOf(
  record: ConvertedRecord,
  collection: Collection,
  made: ReadonlyMap<Collection, ReadonlyMap<string, ConvertedRecord>>,
): Generator<Finding> {
  for (const [name, field] of Object.entries(collection.fields)) {
    const id = record.values[name];
    if (field.references === undefined || id === null || id === undefined) continue;
    const parent = recordIn(made, field.references, String(id));
    if (!parent) {
      yield about(record, name, `refers to what the import does not make in ${field.references}`);
      continue;
    }
    for (const [key, wanted] of Object.entries(field.where ?? {}))
      if (parent.values[key] !== wanted)
        yield about(
          record,
          name,
          `has to refer to one of ${field.references} whose ${key} is ${wanted}`,
          parent.values[key],
        );
    const { money } = collection;
    if (money && "reference" in money.currency && money.currency.reference === name) {
      const { field: currency } = money.currency;
      const both: Row = { [money.field]: record.values[money.field], [currency]: parent.values[currency] };
      for (const { message } of problemsOf([{ kind: "decimals", field: money.field, currency }], both))
        yield about(record, money.field, message);
    }
  }
}

function recordIn(
  made: ReadonlyMap<Collection, ReadonlyMap<string, ConvertedRecord>>,
  name: string,
  id: string,
): ConvertedRecord | undefined {
  for (const [collection, byId] of made) if (collection.name === name) return byId.get(id);
  return undefined;
}

function* twins(collection: Collection, list: readonly ConvertedRecord[]): Generator<Finding> {
  for (const fields of collection.unique) {
    const seen = new Set<string>();
    for (const record of list) {
      const values = fields.map((field) => record.values[field] ?? null);
      if (fields.length > 0 && values.includes(null)) continue;
      const key = JSON.stringify(values);
      if (seen.has(key))
        yield about(
          record,
          fields.join(", "),
          `is there twice, and once is all in ${collection.name}`,
          values.join(", "),
        );
      seen.add(key);
    }
  }
}
