/** CSV per RFC 4180, page by page, so that an export of any size takes the memory of two pages. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ListQuery } from "../shared/contract/query.ts";
import type { Page, Repository } from "../shared/contract/repository.ts";
import type { Collection } from "../shared/definition/define.ts";

type Row = Record<string, unknown>;

const csvColumns = (collection: Collection): string[] => [
  "id",
  ...Object.keys(collection.fields),
  "version",
  "created_at",
  "updated_at",
];

/**
 * The export as a stream, from its first page on. A database that goes away in the middle ends the connection with an
 * error: a truncated file that looks whole would be worse. One that is busy is asked for the page again, for as long as
 * the repository's deadline lets it.
 */
export function csvStream(
  collection: Collection,
  repository: Pick<Repository<Row>, "list">,
  query: ListQuery,
  first: Page<Row>,
  wait: (ms: number) => Promise<unknown> = sleep,
): ReadableStream<Uint8Array> {
  const columns = csvColumns(collection);
  const encoder = new TextEncoder();
  let page: Page<Row> | undefined = first;
  let isWanted = true;
  let head = `${columns.join(",")}\r\n`;
  return new ReadableStream({
    async pull(controller) {
      if (!page) return controller.close();
      const lines = page.items.map((record) => `${columns.map((name) => cell(record[name])).join(",")}\r\n`);
      controller.enqueue(encoder.encode(head + lines.join("")));
      head = "";
      if (page.next_cursor === null) {
        page = undefined;
        return controller.close();
      }
      const following = { ...query, cursor: page.next_cursor };
      let next = await repository.list(following);
      while (isWanted && next.isErr() && next.error.code === "busy") {
        await wait((next.error.retryAfterSeconds ?? 1) * 1_000);
        next = await repository.list(following);
      }
      if (next.isErr()) throw new Error(next.error.message, { cause: next.error });
      page = next.value;
    },
    cancel() {
      isWanted = false;
    },
  });
}

/** Lists as JSON. Text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection). */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = Array.isArray(value) ? JSON.stringify(value) : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
