/** Everything of one user in one JSON file, written page by page: an export of any size takes the memory of a page or two. */
import { setTimeout as sleep } from "node:timers/promises";
import { parseQuery } from "../shared/contract/parse-query.ts";
import type { Repository } from "../shared/contract/repository.ts";
import type { Collection } from "../shared/definition/define.ts";

type Row = Record<string, unknown>;
type Listing = Pick<Repository<Row>, "list">;

/** Pages of a list that is not a collection; throws `UnreadablePage`. */
export interface ExportedList {
  name: string;
  pages: () => AsyncIterable<readonly object[]>;
}

export interface AccountExport {
  /** members at the top, as they are */
  about: Readonly<Record<string, unknown>>;
  collections: readonly Collection[];
  /** the user's records of one; asked for once each, in that order */
  open: (collection: Collection) => Promise<Listing>;
  /** lists beside the collections, under `ledger`; read in that order, after them */
  ledger: readonly ExportedList[];
  wait?: (ms: number) => Promise<unknown>;
}

/**
 * The file, `complete` last. A database that goes away in the middle ends the stream with an error, and what was sent by
 * then is no JSON: a truncated file that looks whole would be worse. Rejects when the first page cannot be had, while the
 * answer can still be a problem. Pages go by `created_at`, which never changes: a record that exists all the while is there
 * once, as it was when its page was read.
 */
export async function accountExport(options: AccountExport): Promise<ReadableStream<Uint8Array>> {
  const text = textOf(options);
  const encoder = new TextEncoder();
  let piece: IteratorResult<string> = await text.next();
  return new ReadableStream({
    async pull(controller) {
      if (piece.done) return controller.close();
      controller.enqueue(encoder.encode(piece.value));
      piece = await text.next();
      if (piece.done) controller.close();
    },
    cancel: () => void text.return(undefined),
  });
}

async function* textOf({ about, collections, open, ledger, wait = sleep }: AccountExport): AsyncGenerator<string> {
  const records = collections.map((collection) => ({
    name: collection.name,
    pages: async function* () {
      yield* pagesOf(collection, await open(collection), wait);
    },
  }));
  // with the first page, so that what goes wrong there goes wrong before anything is sent
  let pending = JSON.stringify(about).slice(0, -1);
  for (const [name, lists] of Object.entries({ collections: records, ledger })) {
    pending += `,\n${JSON.stringify(name)}:{`;
    for await (const text of listsOf(lists)) {
      yield pending + text;
      pending = "";
    }
    pending += "}";
  }
  yield `${pending},"complete":true}\n`;
}

async function* listsOf(lists: readonly ExportedList[]): AsyncGenerator<string> {
  for (const [index, { name, pages }] of lists.entries()) {
    let pending = `${index > 0 ? "," : ""}\n${JSON.stringify(name)}:[`;
    let between = "\n";
    for await (const items of pages()) {
      if (items.length === 0) continue;
      yield pending + between + items.map((item) => JSON.stringify(item)).join(",\n");
      pending = "";
      between = ",\n";
    }
    yield `${pending}]`;
  }
}

async function* pagesOf(collection: Collection, repository: Listing, wait: (ms: number) => Promise<unknown>) {
  const parsed = parseQuery("list", collection, new URLSearchParams({ sort: "created_at", limit: "200" }));
  const query = parsed._unsafeUnwrap();
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = { ...query, ...(cursor !== undefined && { cursor }) };
    let found = await repository.list(page);
    // asked again for as long as the repository's deadline lets it
    while (found.isErr() && found.error.code === "busy") {
      await wait((found.error.retryAfterSeconds ?? 1) * 1_000);
      found = await repository.list(page);
    }
    if (found.isErr()) throw new UnreadablePage(found.error.message, { cause: found.error });
    yield found.value.items;
    cursor = found.value.next_cursor;
  }
}

/** `cause` is the repository's error. */
export class UnreadablePage extends Error {
  override readonly name = "UnreadablePage";
}
