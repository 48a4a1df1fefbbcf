/** All rows of a collection as the system reads them, page by page. */
import type { Seen } from "../shared/replication/seen.ts";
import type { ReplicationSource } from "../shared/replication/source.ts";
import { senders } from "../test/replication/collections.ts";

export type SourcePage = readonly { id: string; seen: Seen; row?: Readonly<Record<string, unknown>> }[];

/** In the order of their ids; `deep`: with what is in them. */
export async function* pages(source: ReplicationSource, limit: number, deep: boolean): AsyncGenerator<SourcePage> {
  for (let after: string | null = null; ; ) {
    const page: SourcePage = (await source.scan(senders, after, limit, deep))._unsafeUnwrap();
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)?.id ?? null;
  }
}
