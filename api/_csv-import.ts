/**
 * A CSV file into a collection, so that it can be repeated: what the export wrote, in any order of columns, or what a
 * person made. A row is known by its `id`; one without gets an id that is made from its content (and counts how often that
 * content came before in the file), so that the same file twice makes no second record, and two equal rows make two.
 *
 * First every row is looked at (`plan`): it would be created, changed, is unchanged, is in conflict (the record is there
 * and says something else, and is left alone unless `update` is wanted), or is invalid. Only then, and only if it was asked
 * for and no row is invalid, is anything written. A process that dies on the way has written some rows; sending the file
 * again finds them unchanged and goes on. What only the database sees while it writes (a unique key, a rule about other
 * records, somebody else's write meanwhile) is said of its row, and the others are written all the same.
 */
import { err, ok } from "neverthrow";
import type { FieldError, RepositoryError } from "../shared/contract/errors.ts";
import type { Answer, Repository } from "../shared/contract/repository.ts";
import { validate } from "../shared/contract/validate.ts";
import type { Collection } from "../shared/definition/define.ts";
import { uuidSchema } from "../shared/definition/fields.ts";
import { missingReferences } from "../shared/repository/refusals.ts";
import { compareDecimal } from "../shared/values/money.ts";
import type { Draft } from "./_csv-drafts.ts";
import { eachOf } from "./_each-of.ts";
import type { Patience } from "./_patience.ts";

type Row = Record<string, unknown>;
type Stored = Row & { id: string; version: number };
type AnyRepository = Repository<Stored, Row, Row>;

export const OUTCOMES = ["created", "updated", "unchanged", "conflict", "invalid"] as const;
type Outcome = (typeof OUTCOMES)[number];

export interface RowOutcome {
  line: number;
  id: string | null;
  outcome: Outcome;
  errors: FieldError[];
}

/** What is to be done with a row, and what it will have come to. */
type Step = RowOutcome & { create?: Row; update?: { patch: Row; expectedVersion: number } };

export interface ImportContext {
  collection: Collection;
  repository: AnyRepository;
  /** the records that a reference leads to */
  referred: (target: string) => Promise<Pick<AnyRepository, "get">>;
  /** the id of a row without one, from its content */
  idFor: (content: string) => Promise<string>;
  isUpdating: boolean;
  patiently: Patience;
}

/** What each row would come to. Errors: the database's only; what is wrong with a row stands in its outcome. */
export async function plan(drafts: readonly Draft[], context: ImportContext): Answer<Step[]> {
  const identified = await withIds(drafts, context);
  const refersTo = existence(context);
  return eachOf(identified, async (draft) => {
    const planned = await planRow(draft, context);
    if (planned.isErr()) return planned;
    const step = planned.value;
    const written = step.create ?? step.update?.patch;
    if (!written) return ok(step);
    const missing: string[] = [];
    for (const [field, { references: target }] of Object.entries(context.collection.fields)) {
      if (target === undefined || typeof written[field] !== "string") continue;
      const there = await refersTo(target, written[field]);
      if (there.isErr()) return err(there.error);
      if (!there.value) missing.push(field);
    }
    return ok(missing.length > 0 ? refused(step, missingReferences(context.collection, missing)) : step);
  });
}

/** Does what was planned; the outcomes as they have become. */
export const carryOut = (steps: readonly Step[], context: ImportContext): Answer<Step[]> =>
  eachOf(steps, async (step) => {
    const { id, create, update } = step;
    if (id === null || !(create || update)) return ok(step);
    const written = await context.patiently(() =>
      create
        ? context.repository.create(create)
        : context.repository.update(id, update?.patch ?? {}, { expectedVersion: update?.expectedVersion ?? 0 }),
    );
    if (written.isOk()) return ok(step);
    // somebody imports the same file at this moment
    if (create && written.error.code === "duplicate" && (await isThere(id, create, context)))
      return ok({ ...step, outcome: "unchanged" });
    return written.error.kind === "unavailable" ? err(written.error) : ok(refused(step, written.error));
  });

async function isThere(id: string, body: Row, { collection, repository, patiently }: ImportContext): Promise<boolean> {
  const found = await patiently(() => repository.get(id));
  const isEqual = (name: string) =>
    found.isOk() && isSame(collection, name, canonical(collection, name, body), found.value[name]);
  return Object.keys(collection.fields).every(isEqual);
}

const refused = ({ line, id }: Step, { kind, code, message, errors }: RepositoryError): Step => ({
  line,
  id,
  outcome: kind === "conflict" || kind === "not_found" ? "conflict" : "invalid",
  errors: errors ?? [{ field: "", code, message }],
});

/** The drafts with an id each; an id that stands in the file twice is an error of the second. */
async function withIds(drafts: readonly Draft[], { collection, idFor }: ImportContext): Promise<Draft[]> {
  const [seen, times] = [new Set<unknown>(), new Map<string, number>()];
  const identified: Draft[] = [];
  for (const draft of drafts) {
    const { values } = draft;
    if (values.id === undefined) {
      const content = JSON.stringify(
        Object.keys(collection.fields).map((name) => [name, canonical(collection, name, values)]),
      );
      const time = times.get(content) ?? 0;
      times.set(content, time + 1);
      identified.push({ ...draft, values: { ...values, id: await idFor(`${time} ${content}`) } });
      continue;
    }
    const id = String(values.id).toLowerCase();
    const repeated = { field: "id", code: "repeated", message: "A row above has the same id." };
    identified.push(seen.has(id) ? { ...draft, errors: [...draft.errors, repeated] } : draft);
    seen.add(id);
  }
  return identified;
}

async function planRow({ line, values, errors }: Draft, context: ImportContext): Answer<Step> {
  const { collection, repository, isUpdating, patiently } = context;
  const id = uuidSchema.safeParse(values.id);
  const is = (outcome: Outcome, found: readonly FieldError[] = []): Step => ({
    line,
    id: id.data ?? null,
    outcome,
    errors: [...found],
  });
  if (!id.success)
    return ok(is("invalid", [...errors, { field: "id", code: "invalid_value", message: "This is no UUID." }]));
  if (errors.length > 0) return ok(is("invalid", errors));
  const found = await patiently(() => repository.get(id.data));
  if (found.isErr()) {
    if (found.error.code !== "not_found") return err(found.error);
    const body = validate(collection.schemas.create, { ...values, id: id.data });
    return ok(body.isOk() ? { ...is("created"), create: body.value as Row } : is("invalid", body.error.errors ?? []));
  }
  const record = found.value;
  const patch: Row = {};
  for (const name of Object.keys(collection.fields))
    if (name in values && !isSame(collection, name, canonical(collection, name, values), record[name]))
      patch[name] = values[name] ?? null;
  const changed = Object.keys(patch);
  if (changed.length === 0) return ok(is("unchanged"));
  if (!isUpdating) return ok(is("conflict", changed.map(differs)));
  const body = validate(collection.schemas.patch, patch);
  return ok(
    body.isOk()
      ? { ...is("updated"), update: { patch: body.value as Row, expectedVersion: record.version } }
      : is("invalid", body.error.errors ?? []),
  );
}

const differs = (field: string): FieldError => ({
  field,
  code: "differs",
  message: `The record that is there has another ${field}. Import with on_conflict=update to change it.`,
});

/** As a write would spell it; where writing would refuse it (the rules may have changed since), as it is stored. */
function canonical(collection: Collection, name: string, values: Row): unknown {
  const field = collection.fields[name];
  const value = values[name] ?? (field?.defaulted ? field.default : null);
  const written = field?.schema.safeParse(value);
  const spelt = written?.success ? written.data : (field?.stored.safeParse(value).data ?? value);
  return spelt === "" && field?.kind !== "json" ? null : spelt;
}

/** Decimals by their value: how many places they are shown with depends on their currency. */
function isSame(collection: Collection, name: string, left: unknown, right: unknown): boolean {
  const { kind } = collection.fields[name] ?? {};
  if ((kind === "money" || kind === "decimal") && [left, right].every((value) => DECIMAL.test(String(value))))
    return compareDecimal(String(left), String(right)) === 0;
  return JSON.stringify(left ?? null) === JSON.stringify(right ?? null);
}

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** Whether a record is there; each is looked for once. */
function existence({ referred, patiently }: ImportContext) {
  const known = new Map<string, Answer<boolean>>();
  const look = async (target: string, id: string): Answer<boolean> => {
    const repository = await referred(target);
    const found = await patiently(() => repository.get(id));
    return found.isOk() ? ok(true) : found.error.code === "not_found" ? ok(false) : err(found.error);
  };
  return (target: string, id: string): Answer<boolean> => {
    const key = `${target} ${id}`;
    const looked = known.get(key) ?? look(target, id);
    known.set(key, looked);
    return looked;
  };
}
