/**
 * Cells: a value as CSV text, and back. Numbers stand bare, so that a refund (-12.50) is a number and no formula; every
 * text stands in quotes; what is absent is an empty cell.
 *
 * The formula guard (OWASP, CSV injection): a spreadsheet runs a cell that begins like a formula, so an apostrophe goes
 * before it. Also behind a semicolon, tab or line end inside a text: a spreadsheet whose separator is the semicolon, as in
 * half of Europe, takes no notice of quotes in the middle of what it thinks is a cell, and begins a new one there. The
 * guard can be taken off exactly: a text that looks guarded already gets one apostrophe more.
 */
import type { Collection } from "../shared/definition/define.ts";
import type { Field, FieldKind } from "../shared/definition/fields.ts";
import { referencesFrom } from "../shared/definition/references.ts";
import { levelsOf, MAX_LEVELS, parseJson } from "../shared/values/json.ts";

const SIGNS = "[=+\\-@＝＋－＠]";
const BEGINS = `(?:^(?='*[=+\\-@\\t\\r\\n＝＋－＠])|(?<=[;\\t\\r\\n])(?='*${SIGNS}))`;
const UNGUARDED = new RegExp(BEGINS, "g");
const GUARDED = new RegExp(`${BEGINS}'`, "g");
const BARE: readonly FieldKind[] = ["money", "decimal", "integer", "boolean"];

/** Columns that an import leaves to the system. */
export const SYSTEM_COLUMNS = ["version", "created_at", "updated_at"] as const;

export interface Column {
  name: string;
  /** its values are numbers or booleans */
  isBare: boolean;
  /** its cells are texts of JSON, of texts, too */
  isJson?: boolean;
  /** the value is the name of the record that this field refers to */
  nameOf?: { field: string; target: string } | undefined;
}

/** What an export has, in order; behind each reference to a collection whose records have names, their name. */
export function columnsOf(collection: Collection, collections: readonly Collection[]): Column[] {
  const hasName = (target: string) =>
    collections.some(({ name, fields }) => name === target && fields.name?.kind === "text");
  const targets = new Map(referencesFrom(collection).map(({ field, target }) => [field, target]));
  const fields = Object.entries(collection.fields).flatMap(([name, { kind }]): Column[] => {
    const target = targets.get(name);
    const column = { name, isBare: BARE.includes(kind), ...(kind === "json" && { isJson: true }) };
    return target !== undefined && hasName(target)
      ? [column, { name: `${name}.name`, isBare: false, nameOf: { field: name, target } }]
      : [column];
  });
  const system = SYSTEM_COLUMNS.map((name) => ({ name, isBare: name === "version" }));
  return [{ name: "id", isBare: false }, ...fields, ...system];
}

/** Lists as JSON. */
export function toCell(value: unknown, isBare: boolean): string {
  if (value === null || value === undefined) return "";
  const text = Array.isArray(value) ? JSON.stringify(value) : String(value);
  return isBare ? text : `"${text.replace(UNGUARDED, "'").replaceAll('"', '""')}"`;
}

/** The text without the guard. */
export const unguarded = (text: string): string => text.replace(GUARDED, "");

/**
 * The value that a cell stands for; undefined for an empty one. What does not fit stays text, for the schema to refuse. JSON
 * has `jsonIn`: any text would fit there.
 */
export function fromCell(field: Field, cell: string): unknown {
  if (cell === "") return undefined;
  if (field.kind === "text") return unguarded(cell);
  if (field.kind === "tags") return listIn(unguarded(cell));
  const text = cell.trim();
  // spreadsheets write TRUE
  if (field.kind === "boolean") return { true: true, false: false }[text.toLowerCase()] ?? text;
  if (field.kind === "integer") return /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  return text;
}

/** The value of a cell with the text of a JSON field; a fault where it is none, or is so deep that no field takes it. */
export function jsonIn(cell: string): { value: unknown } | { fault: string } {
  const text = unguarded(cell);
  if (text.trim() === "") return { value: undefined };
  // to be told how many there may be, not gone down into
  if (levelsOf(text) > MAX_LEVELS)
    return { fault: `At most ${MAX_LEVELS} levels of lists and objects, one in another.` };
  try {
    return { value: parseJson(text) };
  } catch {
    return { fault: 'Write JSON, such as {"size": 2}; a text in quotes of its own.' };
  }
}

/** A list as the export writes it, or labels with commas between them, as people do. */
function listIn(text: string): unknown {
  if (text.trimStart().startsWith("["))
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  return text
    .split(",")
    .map((label) => label.trim())
    .filter((label) => label !== "");
}
