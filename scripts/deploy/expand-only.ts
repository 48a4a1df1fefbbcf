/**
 * Whether migrations only add. A schema is deployed before the application, so for minutes, and for as long as a rollback may
 * be wanted, the old application runs on the new schema: what takes something away that it reads or writes has to wait for a
 * deployment of its own ("contract"), when nothing uses it any more.
 *
 * Read by Postgres's own parser (libpg-query, WebAssembly). The bodies of `do` blocks are read, too; of functions they are not:
 * what a function does it does when it is called. What a migration has made itself it may also take away again.
 */
import { loadModule, parsePlPgSQLSync, parseSync } from "libpg-query";

export interface Offence {
  /** the file's name */
  file: string;
  /** from 1 */
  line: number;
  /** what is taken away, by name */
  what: string;
}

interface Tree {
  [key: string]: unknown;
}
interface Place {
  file: string;
  /** of the statement's beginning, in the file */
  line: (offset: number) => number;
  /** relations and columns that the same file has made */
  made: Set<string>;
  found: Offence[];
}

/** Every statement of the migration that is more than an addition. What cannot be parsed is one, too. */
export async function offencesIn(file: string, text: string): Promise<Offence[]> {
  await loadModule();
  const place: Place = { file, line: lineIn(text), made: new Set(), found: [] };
  lookAt(text, place, place.line);
  return place.found;
}

/** Offsets are in bytes of UTF-8, as the parser counts. */
function lineIn(text: string): (offset: number) => number {
  const bytes = Buffer.from(text);
  return (offset) => bytes.subarray(0, offset).toString("latin1").split("\n").length;
}

function lookAt(text: string, place: Place, line: (offset: number) => number): void {
  const bytes = Buffer.from(text);
  let statements: { stmt?: unknown; stmt_location?: number; stmt_len?: number }[];
  try {
    statements = parseSync(text).stmts ?? [];
  } catch (error) {
    const at = (error as { sqlDetails?: { cursorPosition?: number } }).sqlDetails?.cursorPosition ?? 0;
    place.found.push({ file: place.file, line: line(at), what: `cannot be read: ${(error as Error).message}` });
    return;
  }
  for (const { stmt, stmt_location: from = 0, stmt_len: length } of statements) {
    const begins = from + leading(bytes.subarray(from).toString());
    const [kind = "", body = {}] = Object.entries(stmt as Record<string, Tree>)[0] ?? [];
    const say = (what: string, offset?: number) =>
      place.found.push({ file: place.file, line: line(offset ?? begins), what });
    if (kind === "DoStmt") {
      const whole = bytes.subarray(begins, length === undefined ? undefined : from + length).toString();
      lookInto(whole, place, line(begins), say);
    } else judge(kind, body, place.made, say);
  }
}

/** Characters of white space and comments before a statement, in bytes. */
function leading(text: string): number {
  const [blank = ""] = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(text) ?? [];
  return Buffer.byteLength(blank);
}

/** A `do` block: its statements, and what can be read of the texts that it executes. */
function lookInto(text: string, place: Place, first: number, say: (what: string) => void): void {
  let tree: unknown;
  try {
    tree = parsePlPgSQLSync(text);
  } catch (error) {
    // another language, or nothing that the parser knows: nobody can say what it does
    say(`a do block that cannot be read: ${(error as Error).message}`);
    return;
  }
  const bodyLine = first + text.slice(0, text.search(/\$[a-z_]*\$|'/i)).split("\n").length - 1;
  walk(tree, (kind, node) => {
    const at = bodyLine + Number(node.lineno ?? 1) - 1;
    if (kind === "PLpgSQL_stmt_execsql") lookAt(queryOf(node.sqlstmt), place, () => at);
    if (kind === "PLpgSQL_stmt_dynexecute" && TAKES.test(queryOf(node.query)))
      place.found.push({
        file: place.file,
        line: at,
        what: `executes what takes away: ${queryOf(node.query).slice(0, 80)}`,
      });
  });
}

/** In a text that is put together only when it runs. */
const TAKES =
  /\b(drop\s+(table|column|view|schema|type|materialized)|rename\s+(to|column)|alter\s+(column\s+)?\S+\s+(set\s+data\s+)?type|set\s+not\s+null)\b|['(;]\s*truncate\b/i;

const queryOf = (node: unknown) => String((node as { PLpgSQL_expr?: { query?: string } })?.PLpgSQL_expr?.query ?? "");

function walk(node: unknown, visit: (kind: string, node: Tree) => void): void {
  if (Array.isArray(node)) for (const each of node) walk(each, visit);
  else if (node !== null && typeof node === "object")
    for (const [kind, value] of Object.entries(node)) {
      if (kind.startsWith("PLpgSQL_stmt_")) visit(kind, value as Tree);
      walk(value, visit);
    }
}

type Say = (what: string, offset?: number) => void;

function judge(kind: string, body: Tree, made: Set<string>, say: Say): void {
  if (kind === "CreateStmt" || kind === "ViewStmt") made.add(relation(body.relation ?? body.view));
  if (kind === "CreateTableAsStmt") made.add(relation((body.into as Tree | undefined)?.rel));
  if (kind === "AlterTableStmt") alter(body, made, say);
  if (kind === "TruncateStmt") for (const each of list(body.relations)) say(`empties ${relation(inner(each))}`);
  if (kind === "RenameStmt" || kind === "AlterObjectSchemaStmt") rename(body, made, say);
  if (kind === "DropStmt") drop(body, made, say);
  if (kind === "DropOwnedStmt" || kind === "DropdbStmt" || kind === "DropRoleStmt") say("drops what others own");
}

/** What the old application meets by name: of the rest (indexes, triggers, policies, functions made anew) it knows nothing. */
const DROPPED: Readonly<Record<string, string>> = {
  OBJECT_TABLE: "table",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "materialized view",
  OBJECT_FOREIGN_TABLE: "foreign table",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_SCHEMA: "schema",
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "domain",
  OBJECT_EXTENSION: "extension",
};

function drop({ removeType, objects }: Tree, made: Set<string>, say: Say): void {
  const title = DROPPED[String(removeType)];
  if (title === undefined) return;
  for (const each of list(objects)) {
    const name = nameOf(each);
    if (!made.has(name)) say(`drops the ${title} ${name}`);
  }
}

function rename(
  { relation: on, renameType, objectType, subname, newname, newschema, object }: Tree,
  made: Set<string>,
  say: Say,
): void {
  const type = String(renameType ?? objectType);
  const name = on === undefined ? nameOf(object) : relation(on);
  if (made.has(name) || /INDEX|CONSTRAINT|TRIGGER|POLICY|RULE/.test(type)) return;
  const what = subname === undefined || subname === "" ? name : `${name}.${String(subname)}`;
  say(
    newschema === undefined
      ? `renames ${what} to ${String(newname)}`
      : `moves ${what} to the schema ${String(newschema)}`,
  );
}

function alter({ relation: on, cmds, objtype }: Tree, made: Set<string>, say: Say): void {
  const table = relation(on);
  const isOwn = made.has(table);
  for (const each of list(cmds)) {
    const command = inner(each) as Tree;
    const { subtype, name, def } = command;
    const column = `${table}.${String(name)}`;
    if (subtype === "AT_AddColumn") {
      const own = inner(def) as Tree;
      const full = `${table}.${String(own.colname)}`;
      if (!isOwn && mustBeGiven(own))
        say(`adds ${full}, not null and without a default`, Number(own.location) || undefined);
      made.add(full);
    }
    if (isOwn || made.has(column)) continue;
    if (subtype === "AT_DropColumn") say(`drops the column ${column}`);
    if (subtype === "AT_AlterColumnType") say(`changes the type of ${column}`);
    if (subtype === "AT_SetNotNull") say(`sets ${column} not null`);
    if (subtype === "AT_ColumnDefault" && def === undefined) say(`drops the default of ${column}`);
    if (subtype === "AT_DetachPartition") say(`detaches a partition of ${table}`);
    if (subtype === "AT_DropColumn" && objtype === "OBJECT_TYPE") say(`drops an attribute of the type ${table}`);
  }
}

function mustBeGiven({ constraints }: Tree): boolean {
  const kinds = list(constraints).map((each) => String((inner(each) as Tree).contype));
  const gives = ["CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"];
  return (
    kinds.some((kind) => kind === "CONSTR_NOTNULL" || kind === "CONSTR_PRIMARY") &&
    !kinds.some((kind) => gives.includes(kind))
  );
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** The node below the name of its kind. */
const inner = (node: unknown): unknown => Object.values((node ?? {}) as Tree)[0];

function relation(node: unknown): string {
  const { schemaname, relname } = (node ?? {}) as { schemaname?: string; relname?: string };
  return schemaname === undefined || schemaname === "" || schemaname === "public"
    ? String(relname)
    : `${schemaname}.${relname}`;
}

/** Of `drop` and `rename`: a list of strings, a string, or a type's name. */
function nameOf(node: unknown): string {
  const found: string[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) collect(each);
    else if (value !== null && typeof value === "object")
      for (const [key, each] of Object.entries(value)) {
        if (key === "sval") found.push(String(each));
        else if (["String", "List", "items", "TypeName", "names"].includes(key)) collect(each);
      }
  };
  collect(node);
  return found.filter((part, index) => !(index === 0 && found.length > 1 && part === "public")).join(".");
}
