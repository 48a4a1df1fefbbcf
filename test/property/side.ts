/** One of the homes in a history: its repositories, and what it has answered so far. */

import {
  type Filter,
  type ListQuery,
  type Selection,
  type SummaryQuery,
  sortsOf,
} from "../../shared/contract/query.ts";
import type { Answer, Page, Repository } from "../../shared/contract/repository.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { comparable, type Raw, type Row } from "./answers.ts";
import type { Living } from "./living.ts";
import type { Expected, Id, Operation, SymbolicBody } from "./operations.ts";
import { idOf, isPick } from "./picks.ts";
import type { SymbolicFilter, SymbolicQuery } from "./queries.ts";

export type AnyRepository = Repository<Row, Record<string, unknown>, Record<string, unknown>>;
export interface Owner {
  /** as it stands in their records */
  userId: string;
  repository(collection: Collection): AnyRepository;
}
/** `nextId` is the id that the next create makes where the body gives none. */
export type OpenOwner = (owner: number, nextId: () => string) => Owner;

interface InFlight {
  owner: number;
  collection: string;
  query: ListQuery;
}

const KEPT_CURSORS = 6;
const FROM_THE_START = { filters: [], sort: { field: "created_at", direction: "asc" } } as const;

export class Side {
  /** every version of a record that was seen, in the order in which it was */
  readonly #versions = new Map<string, number[]>();
  readonly #seen = new Map<string, Row>();
  readonly #cursors: InFlight[] = [];
  readonly #owners = new Map<number, Owner>();
  readonly #open: OpenOwner;
  readonly #living: Living;
  readonly #collections: ReadonlyMap<string, Collection>;
  #nextId = "";
  /** whose records the last answer is about */
  #asked = "";

  constructor(open: OpenOwner, living: Living, collections: readonly Collection[]) {
    this.#open = open;
    this.#living = living;
    this.#collections = new Map(collections.map((collection) => [collection.name, collection]));
  }

  /** The answer to a step, as it can be compared. Only bugs throw: that is an answer, too. */
  async run(operation: Operation): Promise<unknown> {
    const answer = await this.#call(operation).then(
      (result): Raw => (result.isOk() ? { ok: result.value } : { error: result.error }),
      (bug: unknown): Raw => ({ thrown: bug instanceof Error ? (bug.stack ?? bug.message) : String(bug) }),
    );
    return comparable(operation, answer, {
      ordinal: (row) => this.#ordinal(row),
      owner: (userId) => [...this.#owners].find(([, owner]) => owner.userId === userId)?.[0] ?? userId,
    });
  }

  /** Which version of the record this is, counted from the first that was seen. */
  #ordinal(row: Row): number {
    const key = `${this.#asked}/${row.id}`;
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, versions);
    this.#seen.set(key, row);
    if (!versions.includes(row.version)) {
      if (row.version <= (versions.at(-1) ?? 0))
        throw new Error(`the version of ${key} fell: ${versions}, ${row.version}`);
      versions.push(row.version);
    }
    return versions.indexOf(row.version);
  }

  async #call(operation: Operation): Answer<unknown> {
    const { owner } = operation;
    const collection = this.#definition(operation.collection);
    const repository = this.#repository(owner, collection);
    const id = (picked: Id) => this.#living.resolve(owner, collection.name, picked);
    switch (operation.call) {
      case "create": {
        this.#nextId = idOf(operation.id);
        const body = this.#body(owner, collection, operation.body);
        const given = operation.isGiven ? { id: this.#nextId, ...body } : body;
        return repository.create(given, operation.hash === undefined ? {} : { idempotencyHash: operation.hash });
      }
      case "get":
        return repository.get(id(operation.id));
      case "update":
        return repository.update(
          id(operation.id),
          this.#body(owner, collection, operation.body),
          this.#expecting(owner, collection.name, id(operation.id), operation.expected),
        );
      case "delete":
        return repository.delete(
          id(operation.id),
          this.#expecting(owner, collection.name, id(operation.id), operation.expected),
        );
      case "count":
        return repository.count(this.#query(owner, collection, operation.query));
      case "summarize":
        return repository.summarize(this.#query(owner, collection, operation.query));
      case "list":
        return this.#list(owner, collection, {
          ...this.#query(owner, collection, operation.query),
          limit: operation.limit,
        } as ListQuery);
      case "next":
        return this.#next(operation);
    }
  }

  async #list(owner: number, collection: Collection, query: ListQuery): Answer<Page<Row>> {
    const page = await this.#repository(owner, collection).list(query);
    const cursor = page.isOk() ? page.value.next_cursor : null;
    if (cursor !== null) {
      this.#cursors.push({ owner, collection: collection.name, query: { ...query, cursor } });
      if (this.#cursors.length > KEPT_CURSORS) this.#cursors.shift();
    }
    return page;
  }

  /** Goes on with a list that is under way, or hands its cursor to another one. */
  #next({ cursor, limit, abuse, ...asked }: Extract<Operation, { call: "next" }>): Answer<unknown> {
    const found = this.#cursors[cursor % Math.max(1, this.#cursors.length)];
    if (!found) return this.#list(asked.owner, this.#definition(asked.collection), { ...FROM_THE_START, limit });
    const query = { ...found.query, limit };
    const collection = this.#definition(found.collection);
    switch (abuse) {
      case "collection":
        return this.#list(found.owner, this.#definition(asked.collection), query);
      case "owner":
        return this.#list(1 - found.owner, collection, query);
      case "sort":
        return this.#list(found.owner, collection, {
          ...query,
          sort: sortsOf(query.sort).map(({ field, direction }) => ({
            field,
            direction: direction === "asc" ? "desc" : "asc",
          })),
        });
      case "search":
        return this.#list(found.owner, collection, { ...query, q: `${query.q ?? ""}x` });
      case "cut":
        return this.#list(found.owner, collection, { ...query, cursor: query.cursor?.slice(1) });
      default:
        return this.#list(found.owner, collection, query);
    }
  }

  #definition(name: string): Collection {
    const collection = this.#collections.get(name);
    if (!collection) throw new Error(`there is no collection ${name}`);
    return collection;
  }

  #repository(owner: number, collection: Collection): AnyRepository {
    const open = this.#owners.get(owner) ?? this.#open(owner, () => this.#nextId);
    this.#owners.set(owner, open);
    this.#asked = `${owner}/${collection.name}`;
    return open.repository(collection);
  }

  #body(owner: number, { fields }: Collection, body: SymbolicBody): Record<string, unknown> {
    const target = (name: string) => fields[name]?.references ?? "";
    const entries = body.map(([name, value]) => [
      name,
      isPick(value) ? this.#living.resolve(owner, target(name), value) : value,
    ]);
    return Object.fromEntries(entries);
  }

  #expecting(owner: number, collection: string, id: string, expected: Expected): { expectedVersion?: number } {
    if (expected === undefined) return {};
    if (typeof expected === "number") return { expectedVersion: expected };
    const versions = this.#versions.get(`${owner}/${collection}/${id}`) ?? [];
    return { expectedVersion: versions.at(expected === "current" ? -1 : -2) ?? 1 };
  }

  #query(owner: number, collection: Collection, { filters, ...rest }: SymbolicQuery): Selection & SummaryQuery {
    return { ...rest, filters: filters.map((filter) => this.#filter(owner, collection, filter)) };
  }

  #filter(owner: number, collection: Collection, { field, operator, value }: SymbolicFilter): Filter {
    if (value.of === undefined) return { field, operator, value: value.value as Filter["value"] };
    const row = this.#seen.get(`${owner}/${collection.name}/${this.#living.resolve(owner, collection.name, value.of)}`);
    return { field, operator, value: (row?.[field] ?? value.value) as Filter["value"] };
  }
}
