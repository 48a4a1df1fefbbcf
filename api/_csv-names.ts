/**
 * The names of the records of one collection, for the columns beside ids. Read 200 at a time and only as far as they are
 * needed: a call for each id would be as many calls as rows. What has been read is kept, names of at most 200 characters.
 */
import { err, ok } from "neverthrow";
import { DEFAULT_SORT, MAX_LIMIT } from "../shared/contract/query.ts";
import type { Answer, Repository } from "../shared/contract/repository.ts";

export type Named = Pick<Repository<Record<string, unknown>>, "list">;

export class Names {
  readonly #byId = new Map<string, string>();
  readonly #repository: Named;
  readonly #patiently: <T>(call: () => Answer<T>) => Answer<T>;
  /** undefined before the first page, null behind the last */
  #cursor: string | null | undefined;

  /** `patiently` asks again while the database is busy. */
  constructor(repository: Named, patiently: <T>(call: () => Answer<T>) => Answer<T>) {
    this.#repository = repository;
    this.#patiently = patiently;
  }

  /** The names of these records by id; one that is not there has none. */
  async of(ids: Iterable<string>): Answer<ReadonlyMap<string, string>> {
    const wanted = [...ids];
    while (this.#cursor !== null && wanted.some((id) => !this.#byId.has(id))) {
      const read = await this.#readPage();
      if (read.isErr()) return read;
    }
    return ok(this.#byId);
  }

  /** The ids of all records by name, none left out. */
  async ids(): Answer<ReadonlyMap<string, readonly string[]>> {
    while (this.#cursor !== null) {
      const read = await this.#readPage();
      if (read.isErr()) return err(read.error);
    }
    return ok(Map.groupBy(this.#byId.keys(), (id) => this.#byId.get(id) ?? ""));
  }

  async #readPage(): Answer<ReadonlyMap<string, string>> {
    const query = {
      filters: [],
      sort: DEFAULT_SORT,
      limit: MAX_LIMIT,
      cursor: this.#cursor ?? undefined,
    };
    const page = await this.#patiently(() => this.#repository.list(query));
    return page.map(({ items, next_cursor }) => {
      for (const { id, name } of items) this.#byId.set(String(id), String(name));
      this.#cursor = next_cursor;
      return this.#byId;
    });
  }
}
