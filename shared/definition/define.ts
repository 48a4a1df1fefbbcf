/**
 * What a collection is, said once. From a definition follow the types, the validation, the routes and their OpenAPI,
 * the MongoDB indexes and validator, and the SQL that `switchyard collection sql` prints.
 *
 * placement  where the rows live: `home` (in their owner's home database), `pinned` (always in one database),
 *            `replicated` (primary in one, replica in the other)
 * scope      who may see a row: `owner` (the user named in a field), `memberOf` (whoever is a member of what a field names)
 * identity   what tells two rows apart; it follows from the placement (`identityOf`)
 */
import { z } from "zod";
import {
  type CreateFields,
  type Field,
  type Fields,
  instant,
  type PatchFields,
  type RecordFields,
  uuid,
  uuidSchema,
} from "./fields.ts";
import { jsonOrNull } from "./json-schema.ts";
import { fieldsOf, problemsOf, type Rule, type Values } from "./rules.ts";

/** Databases by their names in `switchyard.databases`. */
export type Placement =
  | { kind: "home" }
  | { kind: "pinned"; database: string }
  | { kind: "replicated"; primary: string; fallback: Fallback };
/** What is served from the other database while the primary is away. */
export type Fallback = "none" | "reads" | "reads-and-writes";
export const home = (): Placement => ({ kind: "home" });
export const pinned = (database: string): Placement => ({ kind: "pinned", database });
/**
 * Written in `primary`, and copied to the other database behind it. With `reads-and-writes` that one takes writes, too, while
 * the primary is away; the primary is MongoDB then, and Supabase is behind it.
 */
export const replicated = (primary: string, fallback: Fallback): Placement => ({
  kind: "replicated",
  primary,
  fallback,
});

export type Scope<O extends string = string> =
  | { kind: "owner"; field: O }
  | {
      kind: "member";
      field: O;
      /** by what `switchyard.memberships` finds the rooms of a user, the collection that says who is a member of them */
      members: string;
      /** the field that names who made a record, and alone may change it; null where nobody does, but the system's functions */
      author: string | null;
    };
/** The field that names the owner; the system sets it, and a record never changes hands. */
export const owner = <const O extends string = "user_id">(field: O = "user_id" as O): Scope<O> => ({
  kind: "owner",
  field,
});

/**
 * Seen by the members of what `field` names (a room), whom `members` tells. `author` is a field of kind `author()`: who made
 * the record, who alone may change it, whose quota it counts for, and with whose account it goes. Without one a record is the
 * room's, and no user's.
 */
export const memberOf = <const O extends string>(
  members: string,
  field: O,
  author: string | null = null,
): Scope<O> => ({ kind: "member", field, members, author });

/** Who reads records beside those that the scope names: nobody, every user, or the members of the room that `field` names. */
type Readers = null | "everyone" | { field: string; members: string };

/** What users may do with their own tokens; all else is done by the system's functions. */
export const VERBS = ["insert", "update", "delete"] as const;
type Verb = (typeof VERBS)[number];

/** Where the currency of a collection's money stands: in a field of its own, or in a record that it refers to. */
type CurrencySource = { field: string } | { reference: string; field: string };

/** Fields that every record has beside its owner's, and that no client may set, but `id` on create. */
export interface SystemFields {
  id: string;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface Collection {
  /** also the table, the MongoDB collection and the path of the API */
  name: string;
  /** one record, in words ("loan payment"), for documentation and messages */
  title: string;
  placement: Placement;
  scope: Scope;
  fields: Fields;
  readers: Readers;
  usersMay: readonly Verb[];
  /** each a list of fields that is unique among one owner's records; null equals nothing. Of no fields: one record per owner */
  unique: readonly (readonly string[])[];
  /** text fields that `q` looks into */
  search: readonly string[];
  /** what the API sorts by: every required scalar and created_at; repositories sort by any scalar */
  sorts: readonly string[];
  /** the day or instant whose month `by=month` means */
  monthOf: string;
  /** the money that summaries add up, and where its currency is */
  money: { field: string; currency: CurrencySource } | null;
  /** what its fields keep together: those that the definition names, and those that follow from its money and currencies */
  rules: readonly Rule[];
  /** fields that do not change while other records refer to this one */
  fixedWhileReferenced: readonly string[];
  /** days after which a record goes by itself; such records count for no quota. null: they stay */
  keptDays: number | null;
  schemas: { create: z.ZodType; patch: z.ZodType; record: z.ZodType };
}

/** What goes in has the type of what comes out: schemas fill in defaults and canonical spellings, no more. */
type SchemaOf<T> = z.ZodType<T, T>;

/** A definition that remembers the types of its fields, and the name of its owner's. */
export interface CollectionOf<F extends Fields, O extends string = string> extends Collection {
  fields: F;
  scope: Scope<O>;
  schemas: {
    create: SchemaOf<CreateFields<F> & { id?: string | undefined }>;
    patch: SchemaOf<PatchFields<F>>;
    record: SchemaOf<RecordFields<F> & SystemFields & { [K in O]: string }>;
  };
}

export type RecordOf<C> =
  C extends CollectionOf<infer F, infer O> ? RecordFields<F> & SystemFields & { [K in O]: string } : never;
export type CreateOf<C> =
  C extends CollectionOf<infer F, infer _O> ? CreateFields<F> & { id?: string | undefined } : never;
export type PatchOf<C> = C extends CollectionOf<infer F, infer _O> ? PatchFields<F> : never;

/** Whether both databases take writes of users: the one behind the primary does while the primary is away. */
export const isTwoWay = ({ placement }: Pick<Collection, "placement">): boolean =>
  placement.kind === "replicated" && placement.fallback === "reads-and-writes";

/** How rows are told apart. */
export interface Identity {
  /** the field that names the owner, or the room */
  owner: string;
  /**
   * True: the key is (owner, id), so that nobody learns that an id exists, and a row can go to another database with
   * its owner. False: the id alone.
   */
  perOwner: boolean;
}

/** Rows that live in their owner's home are the owner's also by their key; those with a place of their own have a global one. */
export const identityOf = ({ placement, scope }: Pick<Collection, "placement" | "scope">): Identity => ({
  owner: scope.field,
  perOwner: placement.kind === "home",
});

interface Description<F extends Fields, O extends string> {
  name: string;
  title: string;
  placement: Placement;
  scope: Scope<O>;
  fields: F;
  /** only those of the scope unless given */
  readers?: Exclude<Readers, object> | { field: keyof F & string; members: string };
  /** all unless given */
  usersMay?: readonly Verb[];
  unique?: readonly (readonly (keyof F & string)[])[];
  search?: readonly (keyof F & string)[];
  /** needed only where the currency is not in the first field of kind currency */
  currency?: CurrencySource;
  /** such as `notBefore("ends_on", "starts_on")` */
  rules?: readonly (NotBefore<keyof F & string> | AnyOf<keyof F & string>)[];
  fixedWhileReferenced?: readonly (keyof F & string)[];
  /** for ever unless given; MongoDB alone lets records go */
  keptDays?: number;
}

type NotBefore<K extends string> = Extract<Rule, { kind: "not-before" }> & { field: K; other: K };
type AnyOf<K extends string> = Extract<Rule, { kind: "any-of" }> & { field: K; others: readonly K[]; unless: K };

/** The field that names the user whose record it is; that of the room where it is no user's. */
export const userFieldOf = ({ scope }: Pick<Collection, "scope">): string =>
  scope.kind === "member" ? (scope.author ?? scope.field) : scope.field;

/** The fields, beside the scope's own, by which `readBy` may be asked: each has an index. */
export function alsoReadBy({ scope, readers }: Pick<Collection, "scope" | "readers">): string[] {
  const author = scope.kind === "member" ? scope.author : null;
  return [
    ...(author === null ? [] : [author]),
    ...(readers !== null && typeof readers === "object" ? [readers.field] : []),
  ];
}

/**
 * The same records by another field that holds an id: those of one room, or of one author, where the scope is another one. For
 * reading, by those who are let in: it makes no table, and nothing is written through it.
 */
export function readBy(collection: Collection, field: string): Collection {
  const { name, placement, scope, fields } = collection;
  const { [field]: _, ...others } = fields;
  return defineCollection({
    name,
    title: `${collection.title} by ${field}`,
    placement,
    scope: { kind: "owner", field },
    fields: { [scope.field]: uuid(), ...others },
    usersMay: [],
  }) as unknown as Collection;
}

/** The system fields as fields, for filters and sorts; the owner is the scope's and never a filter. */
export const systemFields: Fields = {
  id: { kind: "reference", schema: uuidSchema, stored: uuidSchema, required: true, defaulted: false },
  version: { kind: "integer", schema: z.int(), stored: z.int(), required: true, defaulted: false },
  created_at: instant(),
  updated_at: instant(),
};

/** The field of that name, the system's included; undefined when the collection has none. */
export function fieldOf(collection: Collection, name: string): Field | undefined {
  return Object.hasOwn(collection.fields, name)
    ? collection.fields[name]
    : Object.hasOwn(systemFields, name)
      ? systemFields[name]
      : undefined;
}

/** One value, and one that has an order. */
export const isScalar = (field: Field): boolean => field.kind !== "tags" && field.kind !== "json";

/** Defines a collection; throws, at import, when the definition contradicts itself. */
export function defineCollection<const F extends Fields, const O extends string>(
  description: Description<F, O>,
): CollectionOf<F, O> {
  const { fields } = description;
  const named = Object.entries<Field>(fields);
  const first = (kind: string) => named.find(([, field]) => field.kind === kind && field.required)?.[0];
  const moneyField = first("money");
  const currencyField = first("currency");
  const currency = description.currency ?? (currencyField ? { field: currencyField } : undefined);
  const monthOf = first("day") ?? "created_at";
  const rules = [...(description.rules ?? []), ...moneyRules(fields, currency, fields[monthOf] ? monthOf : null)];
  const collection: CollectionOf<F, O> = {
    ...description,
    readers: description.readers ?? null,
    usersMay: description.usersMay ?? VERBS,
    unique: description.unique ?? [],
    search: description.search ?? [],
    sorts: [
      ...named.filter(([, field]) => field.required && isScalar(field) && !field.isAuthor).map(([key]) => key),
      "created_at",
    ],
    monthOf,
    rules,
    fixedWhileReferenced: description.fixedWhileReferenced ?? [],
    keptDays: description.keptDays ?? null,
    money: moneyField && currency ? { field: moneyField, currency } : null,
    schemas: schemasOf(description, rules) as unknown as CollectionOf<F, O>["schemas"],
  };
  for (const problem of contradictionsIn(collection)) throw new Error(`collection ${description.name}: ${problem}`);
  return collection;
}

/** Every amount has the decimals of the currency beside it, and every currency is in use on the record's day. */
function moneyRules(fields: Fields, source: CurrencySource | undefined, day: string | null): Rule[] {
  const named = (kind: string) => Object.keys(fields).filter((key) => fields[key]?.kind === kind);
  const currency = source && !("reference" in source) ? source.field : undefined;
  return [
    ...(currency === undefined ? [] : named("money").map((field): Rule => ({ kind: "decimals", field, currency }))),
    ...named("currency").map((field): Rule => ({ kind: "in-use", field, day })),
  ];
}

function* contradictionsIn(collection: Collection): Generator<string> {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(collection.name)) yield "the name must be snake_case, at most 41 characters";
  if (collection.name === "switchyard") yield "the name is the system's";
  if (isTwoWay(collection) && collection.placement.kind === "replicated") {
    if (collection.placement.primary !== "mongodb")
      yield `what takes writes in both databases has its primary in MongoDB: say replicated("mongodb", "reads-and-writes"), or "reads"`;
    if (collection.unique.length > 0) yield "what both databases write at once cannot keep a key unique but the id";
    const referring = Object.keys(collection.fields).find((key) => collection.fields[key]?.references);
    if (referring !== undefined) yield `what both databases write at once refers to nothing, and ${referring} does`;
  }
  if (
    collection.keptDays !== null &&
    !(collection.placement.kind === "pinned" && collection.placement.database === "mongodb")
  )
    yield `only MongoDB lets records go by themselves: say pinned("mongodb")`;
  const author = collection.scope.kind === "member" ? collection.scope.author : null;
  if (author !== null && !collection.fields[author]?.isAuthor)
    yield `${author}, which names who made a record, has to be a field of kind author()`;
  for (const [key, field] of Object.entries(collection.fields)) {
    if (!/^[a-z][a-z0-9_]{0,40}$/.test(key)) yield `the field ${key} must be snake_case, at most 41 characters`;
    if (Object.hasOwn(systemFields, key) || [collection.scope.field, "search_text", "create_hash"].includes(key))
      yield `the field ${key} is the system's`;
    if (field.kind === "money" && !collection.money) yield `the amount ${key} needs a currency field`;
  }
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(collection.scope.field)) yield "the owner's field must be snake_case";
  for (const key of [
    ...[...collection.unique.flat(), ...collection.search, ...collection.fixedWhileReferenced],
    ...collection.rules.flatMap(fieldsOf),
    ...(collection.readers !== null && typeof collection.readers === "object" ? [collection.readers.field] : []),
  ])
    if (!Object.hasOwn(collection.fields, key)) yield `there is no field ${key}`;
  for (const key of collection.search)
    if (collection.fields[key]?.kind !== "text") yield `only text fields can be searched, ${key} is none`;
  for (const key of [...collection.unique.flat(), ...collection.fixedWhileReferenced])
    if (collection.fields[key]?.kind === "json") yield `JSON cannot be compared, and ${key} is some`;
  for (const rule of collection.rules)
    if (rule.kind === "not-before") {
      const kinds = fieldsOf(rule).map((key) => collection.fields[key]?.kind);
      if (kinds[0] !== kinds[1] || !["day", "instant"].includes(kinds[0] ?? ""))
        yield `${rule.field} and ${rule.other} have to be two days, or two instants`;
    }
}

const emptyIsNull = (schema: z.ZodType) => schema.nullable().overwrite((value) => (value === "" ? null : value));

function schemasOf<F extends Fields, O extends string>(
  { fields, title, scope }: Description<F, O>,
  rules: readonly Rule[],
) {
  const create: Record<string, z.ZodType> = { id: uuidSchema.optional() };
  const patch: Record<string, z.ZodType> = {};
  const record: Record<string, z.ZodType> = { id: uuidSchema, [scope.field]: uuidSchema };
  for (const [key, field] of Object.entries<Field>(fields)) {
    const isJson = field.kind === "json";
    if (field.isAuthor) {
      record[key] = field.stored;
      continue;
    }
    const orNull = (schema: z.ZodType) => (isJson ? jsonOrNull(schema) : schema.nullable());
    // an empty text is a value of JSON
    const written = field.required ? field.schema : isJson ? orNull(field.schema) : emptyIsNull(field.schema);
    create[key] = field.defaulted
      ? field.schema.default(field.default as never)
      : field.required
        ? field.schema
        : written.optional().default(null);
    patch[key] = written.optional();
    record[key] = field.required ? field.stored : orNull(field.stored);
  }
  Object.assign(record, { version: z.int(), created_at: z.iso.datetime(), updated_at: z.iso.datetime() });
  const component = title.replace(/(?:^|[ _])(\w)/g, (_, letter: string) => letter.toUpperCase());
  // what a part of a record does not decide is for whoever knows the rest of it
  const checked = (body: z.ZodType<object>) =>
    body.superRefine((values, { addIssue }) => {
      for (const { field, code, message } of problemsOf(rules, values as Values))
        addIssue({ code: "custom", path: [field], message, params: { code } });
    });
  return {
    create: checked(z.strictObject(create)).meta({ id: `${component}Create` }),
    patch: checked(z.strictObject(patch)).meta({ id: `${component}Patch` }),
    record: z.object(record).meta({ id: component }),
  };
}
